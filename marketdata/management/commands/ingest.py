"""Look at what was loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from tradingsite.core.management.base import DeskCommand, WrongUsage

if TYPE_CHECKING:
    from marketdata.models import IngestBatch

_MOST = 10_000


class Command(DeskCommand):
    help = (
        "Look at what was loaded: `list` shows the last loads of bars, ticks and corporate actions with their counts. "
        "A load that still says running although its process has gone is shown as broken off: its counts are true, and "
        "loading the same file again finishes it. Exit status: 0 done, 2 wrong usage."
    )
    has_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list")
        listing = actions.add_parser("list", help="The last loads, the newest first.")
        listing.add_argument("--limit", type=int, default=20, help="How many (default: 20).")
        listing.add_argument("--status", choices=["running", "finished", "failed"], help="Those with this status only.")
        listing.add_argument("--source", help="Those whose source has this text in its name.")
        # Also behind the action's name, where people write it.
        listing.add_argument("--json", action="store_true", dest="as_json_too", help="Answer as JSON, for scripts.")

    def run(self, **options: Any) -> None:
        from marketdata.models import IngestBatch
        from marketdata.services.batches import unfinished

        if not 1 <= options["limit"] <= _MOST:
            raise WrongUsage(f"--limit is a number from 1 to {_MOST:,}.")
        batches = IngestBatch.objects.order_by("-pk")
        if options["status"]:
            batches = batches.filter(status=options["status"])
        if options["source"]:
            batches = batches.filter(source__icontains=options["source"])
        found = list(batches[: options["limit"]])
        broken_off = unfinished(found)
        if options["as_json"] or options["as_json_too"]:
            self.answer({"batches": [as_dict(batch, is_broken_off=batch.pk in broken_off) for batch in found]})
            return
        for batch in found:
            self.say(_line(batch, is_broken_off=batch.pk in broken_off))
            if batch.error:
                self.say(f"    {batch.error}")
        if not found:
            self.say("Nothing was loaded yet." if not (options["status"] or options["source"]) else "There is no such.")


def as_dict(batch: IngestBatch, *, is_broken_off: bool) -> dict[str, Any]:
    """The batch for a program."""
    names = ("source", "kind", "timeframe", "status", "read", "inserted", "updated", "unchanged", "rejected", "digest")
    return {
        "batch": batch.pk,
        **{name: getattr(batch, name) for name in names},
        "started_at": batch.started_at.isoformat(),
        "finished_at": batch.finished_at.isoformat() if batch.finished_at else None,
        "broken_off": is_broken_off,
        "error": batch.error,
    }


def _line(batch: IngestBatch, *, is_broken_off: bool) -> str:
    what = f"{batch.timeframe} bars" if batch.timeframe else str(batch.get_kind_display()).lower()
    status = "broken off" if is_broken_off else batch.status
    return (
        f"{batch.pk:>6}  {batch.started_at:%Y-%m-%d %H:%M}  {status:<10}  {what}, {batch.source}: "
        f"read {batch.read:,} = inserted {batch.inserted:,} + updated {batch.updated:,} "
        f"+ unchanged {batch.unchanged:,} + rejected {batch.rejected:,}"
    )
