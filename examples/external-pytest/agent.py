"""The agent under test: it sorts messages by the words in them, or as the environment says."""

TEAMS = {
    "billing": ("charged", "refund", "invoice"),
    "account": ("password", "account"),
    "technical": ("crash", "error", "slow"),
}


def answer(message: str) -> str:
    """Name the team whose words come first."""
    words = message.casefold()
    return next((team for team, known in TEAMS.items() if any(word in words for word in known)), "technical")
