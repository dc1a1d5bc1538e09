"""The few calls to GitHub's API: a comment that is found again, a check run, and stored artifacts.

What the token may not do is said and passed over: a gate never fails because its comment could not be written.
"""

from collections.abc import Iterator
from typing import Any, Self

import httpx
import msgspec

from evalharness.cli.github_job import Job
from evalharness.report.github import Told, comment, decision_of, marker

PAGE = 100
MOST_PAGES = 50


class Github:
    """GitHub's API for one repository."""

    def __init__(self, job: Job) -> None:
        self._repository = job.environ.get("GITHUB_REPOSITORY", "")
        self._client = httpx.Client(
            base_url=job.environ.get("GITHUB_API_URL", "https://api.github.com"),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {job.token}",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call the API below the repository; an HTTP status from 400 raises."""
        reply = self._client.request(method, f"/repos/{self._repository}/{path}", **options)
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def download(self, path: str) -> bytes:
        """Fetch a file; the storage that it lies in never sees the token."""
        reply = self._client.get(f"/repos/{self._repository}/{path}")
        if reply.is_redirect:
            reply = httpx.get(reply.headers["location"], timeout=120)
        reply.raise_for_status()
        return reply.content

    def comments(self, issue: int) -> Iterator[dict[str, Any]]:
        """Yield the comments of a pull request or issue."""
        for page in range(1, MOST_PAGES + 1):
            found = self.call("GET", f"issues/{issue}/comments", params={"per_page": PAGE, "page": page})
            yield from found
            if len(found) < PAGE:
                return

    def own_comment(self, issue: int, told: Told, author: str) -> dict[str, Any] | None:
        """Find the comment of this gate: it begins with the marker, and this very author wrote it."""
        for each in self.comments(issue):
            wrote = (each.get("user") or {}).get("login")
            if wrote == author and (each.get("body") or "").startswith(marker(told)):
                return each
        return None

    def say(self, issue: int, told: Told, author: str) -> Told:
        """Write or edit the comment of this gate; return what is told, with what was decided before."""
        found = self.own_comment(issue, told, author)
        if found is None:
            self.call("POST", f"issues/{issue}/comments", json={"body": comment(told)})
            return told
        told = msgspec.structs.replace(told, before=decision_of(found["body"]))
        self.call("PATCH", f"issues/comments/{int(found['id'])}", json={"body": comment(told)})
        return told

    def note_change(self, issue: int, told: Told) -> None:
        """Write a comment of its own about a decision that changed: an edit notifies nobody."""
        self.call("POST", f"issues/{issue}/comments", json={"body": changed(told)})


def changed(told: Told) -> str:
    """Say in a line that a decision changed."""
    link = f" ([run]({told.link}))" if told.link else ""
    return f"evalh: **{told.decision}**, was **{told.before}**, at `{told.commit[:12]}`{link}"
