"""An agent to be replaced: it sorts messages by the words in them."""

from evalharness.model import Task

TEAMS = {
    "billing": ("charge", "refund", "invoice"),
    "account": ("password", "account", "sign in"),
    "technical": ("crash", "error", "slow", "seconds"),
}


def answer(task: Task) -> str:
    """Name the team whose words come first; it may also take `workspace` and `seed`, be async, or call a model."""
    message = task.fields["message"].casefold()
    return next((team for team, words in TEAMS.items() if any(word in message for word in words)), "technical")
