"""Public repositories at a pinned commit: one commit deep, and of its files only those that are asked for travel.

Both what `fetch weights` and what `fetch data` bring comes through here. Needs GitPython and the git command.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from core.errors import IvfbenchError

if TYPE_CHECKING:
    import git

HOST = "https://github.com/{owner}/{name}.git"
# never ask for a password on a terminal, and give up on a connection that stands still
ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}
LOCAL_SERVER = "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
MAX_BYTES = 4 * 2**30  # of one file: several times the largest that a card names
POINTER = b"version https://git-lfs."  # what stands in place of a file that Git LFS keeps elsewhere

Mirrors = Mapping[str, str] | str | None


class RepositoryError(IvfbenchError):
    """A repository, commit or file that cannot be had; the message names it and the remedy."""


def mirror_url(repository: str, mirrors: Mirrors) -> str:
    """Where `owner/name` is cloned from.

    mirrors: {"owner/name": path or URL}, or one pattern for all ("https://host/{owner}/{name}.git"); a pattern without
    braces is a folder or URL of owner/name; None: GitHub.
    """
    owner, _, name = repository.partition("/")
    if isinstance(mirrors, str):
        pattern = mirrors if "{" in mirrors else mirrors.rstrip("/") + "/{owner}/{name}"
    else:
        pattern = (mirrors or {}).get(repository, HOST)
    url = pattern.replace("{owner}", owner).replace("{name}", name)
    return str(Path(url).resolve()) if Path(url).exists() else url


class Commit:
    """A commit whose files' contents are still where it was cloned from. `origin`: how to call it in messages."""

    def __init__(self, repo: "git.Repo", commit: str, url: str):
        self._repo, self._tree = repo, repo.commit(commit).tree
        self.origin = f"{url}@{commit[:12]}"

    def files(self, folder: str) -> dict[str, str]:
        """Name -> object id of the plain files that lie in `folder`, links and folders left out.

        Raises RepositoryError where there is no such folder.
        """
        try:
            tree = self._tree / folder
        except KeyError:
            tree = None
        if tree is None or tree.type != "tree":
            raise RepositoryError(f"{self.origin}: no folder {folder} in the repository")
        return {blob.name: blob.hexsha for blob in tree.blobs if blob.mode in (blob.file_mode, blob.executable_mode)}

    def bring(self, ids: Sequence[str]) -> None:
        """Let the contents of these objects travel in one go; what did not come is said by `write`."""
        import git

        with tempfile.TemporaryFile() as wanted, suppress(git.GitError):
            wanted.write("".join(f"{found}\n" for found in ids).encode())
            wanted.seek(0)
            self._repo.git.fetch("--quiet", "--no-tags", "--filter=blob:none", "--no-write-fetch-head", "--stdin",
                                 "origin", istream=wanted)

    def write(self, path: str, sink: IO[bytes], *, limit: int = MAX_BYTES) -> None:
        """The content of one file of the commit, of at most `limit` bytes.

        Raises RepositoryError: no such file, a larger one, or its content cannot be had.
        """
        import git

        try:
            blob = self._tree / path
        except KeyError as error:
            raise RepositoryError(f"{self.origin}: no file {path} in the repository") from error
        try:
            if blob.type != "blob" or blob.size > limit:
                raise RepositoryError(f"{self.origin}: {path} is no file of at most {limit} bytes; nothing was put "
                                      "into place")
            blob.stream_data(sink)
        except RepositoryError:
            raise
        except (ValueError, git.GitError) as error:  # ValueError: GitPython's, when git has nothing under the id
            self._repo.git.clear_cache()  # the process that reads contents ends with what it could not read
            raise RepositoryError(f"{self.origin}: the repository lists {path} but its content cannot be had there "
                                  "(a copy without large files?)") from error


@contextmanager
def at_commit(url: str, commit: str, scratch: Path | None = None) -> Iterator[Commit]:
    """The commit of the repository at `url`, for as long as the block lasts; removed afterwards.

    scratch: the folder in which the clone is made for that time; default: the system's for temporary files.
    Raises RepositoryError where git cannot be used or the commit cannot be fetched.
    """
    try:
        import git
    except ImportError as error:  # GitPython needs the git command
        raise RepositoryError(f"git cannot be used: {error}") from error
    # a scratch clone is removed even when git has left read-only objects in it
    with (tempfile.TemporaryDirectory(prefix="ivfbench-", dir=scratch, ignore_cleanup_errors=True) as folder,
          git.Repo.init(folder) as repo, repo.git.custom_environment(**ENVIRONMENT)):
        try:
            remote = repo.create_remote("origin", url)
            if Path(url).exists():  # a folder serves whole commits unless it is told that it may leave contents out
                with remote.config_writer as config:
                    config.set("uploadpack", LOCAL_SERVER)
            # by commit, one commit deep; blob:none defers the contents, so that only the named files travel
            repo.git.fetch("--quiet", "--no-tags", "--depth=1", "--filter=blob:none", "origin", commit)
            found = Commit(repo, commit, url)
        except (git.GitError, ValueError) as error:
            raise RepositoryError(f"{url}: commit {commit[:12]} cannot be fetched ({reason(error)}). "
                                  "Without internet, name a mirror with --mirror") from error
        yield found


def is_pointer(path: Path) -> bool:
    """Whether the file holds the place of one that Git LFS keeps elsewhere."""
    with Path(path).open("rb") as handle:
        return handle.read(len(POINTER)) == POINTER


def reason(error: Exception) -> str:
    """What git said, in one line."""
    told = re.search(r"(?:fatal|error): .*", str(error))
    return told[0].strip("'")[:200] if told else str(error).strip()[:200] or type(error).__name__
