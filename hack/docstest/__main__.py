"""`make docs-test` and `make docs-update`: all pages, or those whose paths have one of the arguments in them."""

from __future__ import annotations

import argparse
import sys

from docstest import pages
from docstest.page import PageError
from docstest.run import run
from docstest.update import revised
from localplane import PlaneError


def main() -> int:
    """Run the pages and return the exit code: 1 when a page is not right."""
    parser = argparse.ArgumentParser(prog="python -m docstest", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write what was printed into the pages")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="a path or a part of it (default: all pages)")
    options = parser.parse_args()
    try:
        failed = [
            name for name in pages.chosen(pages.names(), options.pages) if not _passes(name, update=options.update)
        ]
    except (PageError, PlaneError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _passes(name: str, *, update: bool) -> bool:
    try:
        page = pages.read(name)
    except PageError as error:
        print(error)
        return False
    report = run(page, lambda text: print(text, flush=True), update=update)
    if report.revisions:
        if pages.read(name) != page:
            print(f"{name} was changed while it ran, and is not written: run this again")
            return False
        (pages.ROOT / name).write_text(revised(page.source, report.revisions), encoding="utf-8")
        print(f"{name}: {len(report.revisions)} outputs written")
    return not report.failures


if __name__ == "__main__":
    sys.exit(main())
