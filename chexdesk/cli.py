"""The command line: the same services as the window's."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chexdesk import __version__, logs
from chexdesk.cli_store import audit_app, store_app
from chexdesk.console import NOTHING_DONE, fail, number, open_library, writable, wrong_use

if TYPE_CHECKING:
    from chexdesk.labeling.labeler import Labeler
    from chexdesk.labeling.pack import Pack
    from chexdesk.services.labelling import Job, Summary
    from chexdesk.services.library import Library

app = typer.Typer(
    help="Label chest X-ray reports on this machine, offline. Not a medical device.",
    no_args_is_help=True,
    # A traceback with local variables would print report text.
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
model_app = typer.Typer(help="Look at a model pack, or check that it is whole.")
preferences_app = typer.Typer(help="What corrections teach: pairs for a reward model.")
reviews_app = typer.Typer(help="Accepted and corrected reports: gold for training.")
app.add_typer(model_app, name="model", no_args_is_help=True)
app.add_typer(preferences_app, name="preferences", no_args_is_help=True)
app.add_typer(reviews_app, name="reviews", no_args_is_help=True)
app.add_typer(store_app, name="store", no_args_is_help=True)
app.add_typer(audit_app, name="audit", no_args_is_help=True)

_GO_ON = "What was done is kept: run the same again with --resume to go on."


def main() -> None:
    """Entry point of the `chexdesk` command."""
    multiprocessing.freeze_support()
    try:
        app(prog_name="chexdesk")
    except Exception as error:
        # A traceback ends with the exception's message, which may quote a report.
        typer.echo(
            f"chexdesk: a fault in ChexDesk itself ({logs.describe(error)}); what was done before "
            "it is kept. Please report it with this line.",
            err=True,
        )
        sys.exit(NOTHING_DONE)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    logs.configure()
    if version:
        typer.echo(f"chexdesk {__version__}")
        raise typer.Exit


@app.command(no_args_is_help=True)
def label(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT…", help="Files, folders, or - for standard input."),
    ],
    output: Annotated[Path, typer.Option(help="The file to write; its ending says the format.")],
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv, sheet-csv (no cell is a formula), json, jsonl, fhir, xlsx, parquet, hl7, "
            "dicom-sr or mimic-csv, whatever the ending.",
        ),
    ] = None,
    read_as: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Read every input as text, csv, tsv, json, jsonl, xlsx, parquet, docx, pdf, rtf, "
            "hl7, fhir, dicom, openi or mimic, whatever it looks like.",
        ),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="The column with the reports, if its name is unusual.")
    ] = None,
    sections: Annotated[
        str,
        typer.Option(
            help="default leaves history and the like out; all, findings, impression, mimic."
        ),
    ] = "default",
    engine: Annotated[str, typer.Option(help="llama (the model) or rules (no model).")] = "llama",
    model: Annotated[
        Path | None, typer.Option(metavar="PACK", help="A model pack's folder.")
    ] = None,
    gpu_layers: Annotated[
        str, typer.Option(help="Layers on the GPU: auto takes all, where the build has one.")
    ] = "auto",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that broke off.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 where any report could not be labelled.")
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Keep reports and labels for the window, too.")
    ] = False,
) -> None:
    """Label reports: for each, the 14 CheXpert observations as 1.0, 0.0, -1.0 or blank.

    chexdesk label reports.csv --output labels.csv

    chexdesk label reports/ --output labels.json   (with probabilities and evidence)

    One row for each input row, in order. A report that cannot be labelled has its reason in the
    column "error"; the rest go on.
    """
    from chexdesk.labeling.labeler import LabelerError
    from chexdesk.outputs.write import OutputError, format_names, format_of
    from chexdesk.reports.read import ReadError, ReadOptions
    from chexdesk.reports.read import format_names as readable
    from chexdesk.reports.sections import SectionChoice
    from chexdesk.services.engines import ENGINES, open_labeler
    from chexdesk.services.labelling import Job, check, has_partial

    chosen = format_name or format_of(output)
    if chosen is None:
        wrong_use(
            f"{output}: its ending says no format; end it in .csv, .json, .jsonl or .fhir.json, or "
            f"give --format {'|'.join(format_names())}"
        )
    _one_of("--format", chosen, format_names())
    _one_of("--engine", engine, ENGINES)
    _one_of("--sections", sections, tuple(choice.value for choice in SectionChoice))
    if read_as is not None:
        _one_of("--from", read_as, readable())
    layers = _layers(gpu_layers)
    job = Job(
        inputs=inputs,
        options=ReadOptions(read_as, column),
        output=output,
        format=chosen,
        sections=SectionChoice(sections),
        resume=resume,
    )
    try:
        check(job)
        labeler = open_labeler(engine, model, layers, jobs)
        try:
            summary = _run(job, labeler, store)
        finally:
            labeler.close()
    except (ReadError, OutputError) as error:
        fail(str(error))
    except LabelerError as error:
        fail(f"{error}. {_GO_ON}" if has_partial(output) else str(error))
    except OSError as error:
        fail(f"{error.filename or output}: {error.strerror or type(error).__name__}")
    except KeyboardInterrupt:
        fail(f"stopped. {_GO_ON}" if has_partial(output) else "stopped before the first report")
    _say(summary, output)
    if strict and summary.failed:
        raise typer.Exit(NOTHING_DONE)


@app.command(no_args_is_help=True)
def evaluate(
    gold: Annotated[
        Path, typer.Argument(metavar="GOLD", help="Expert labels: JSONL, or a CheXpert CSV.")
    ],
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED", help="What `chexdesk label` wrote, or the like.")
    ],
    split: Annotated[str | None, typer.Option(help="Only the gold reports of this split.")] = None,
    rounds: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures.")] = False,
) -> None:
    """Compare labels with gold labels, report by report, matched by id.

    Macro F1 is the CheX-LLM paper's: each finding's F1 over positive, negative and uncertain,
    weighted by support, averaged over 13 findings (without Support Devices) and over all 14.
    Intervals are 95 % bootstrap intervals over reports.
    """
    from chexdesk.evaluation.gold import LabelsError, read_labels
    from chexdesk.evaluation.tables import compare, print_table
    from chexdesk.labels import chexpert14

    label_set = chexpert14()
    try:
        result = compare(
            label_set,
            read_labels(gold, label_set, split=split),
            read_labels(predicted, label_set),
            rounds=rounds,
        )
    except LabelsError as error:
        fail(str(error))
    if as_json:
        import json

        typer.echo(json.dumps(result.as_dict(), indent=1))
    else:
        print_table(result)


@model_app.command("info")
def model_info(
    pack: Annotated[
        Path | None,
        typer.Argument(metavar="[PACK]", help="The pack's folder; the default's if not."),
    ] = None,
) -> None:
    """Show what a model pack says of itself: base, adapter, quantization, figures."""
    import json

    typer.echo(json.dumps(_open_pack(pack).manifest, indent=1))


@model_app.command("verify")
def model_verify(
    pack: Annotated[
        Path | None,
        typer.Argument(metavar="[PACK]", help="The pack's folder; the default's if not."),
    ] = None,
) -> None:
    """Check a pack: its manifest, its sha256, and that llama.cpp loads it and answers."""
    from chexdesk.labeling.labeler import LabelerError
    from chexdesk.reports.report import Report
    from chexdesk.services.engines import open_labeler

    opened = _open_pack(pack)
    try:
        labeler = open_labeler("llama", opened.folder)
        try:
            (answer,) = labeler.label([Report("", "No acute disease.")])
        finally:
            labeler.close()
    except LabelerError as error:
        fail(str(error))
    if answer.error:
        fail(f"{opened.folder}: {answer.error}")
    typer.echo(f"{opened.folder}: whole and usable ({opened.model.name} {opened.model.version})")


@preferences_app.command("export")
def preferences_export(
    output: Annotated[Path, typer.Option(help="The JSONL to write.")] = Path("preferences.jsonl"),
) -> None:
    """Write preference pairs (prompt, chosen, rejected) as TRL's RewardTrainer reads them.

    The file holds report text: keep it as you keep the reports.
    """
    from chexdesk.services.preferences import export_preferences

    _export(export_preferences, output, "preference pair")


@reviews_app.command("export")
def reviews_export(
    output: Annotated[Path, typer.Option(help="The JSONL to write.")] = Path("reviews.jsonl"),
) -> None:
    """Write accepted and corrected reports as gold JSONL, as `training.sft` reads it.

    The file holds report text: keep it as you keep the reports.
    """
    from chexdesk.services.reviews import export_reviews

    _export(export_reviews, output, "reviewed report")


@app.command()
def gui(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH…]", help="Files or folders to open.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="PACK", help="A model pack's folder.")
    ] = None,
) -> None:
    """Open the window."""
    from chexdesk.gui.app import run

    raise typer.Exit(run(inputs or [], pack=model))


def _run(job: Job, labeler: Labeler, store: bool) -> Summary:
    from dataclasses import replace

    from chexdesk.services.labelling import has_partial

    if has_partial(job.output) and not job.resume:
        typer.echo(f"{job.output}: a run that broke off is started anew (no --resume)", err=True)
    if not store:
        return _with_progress(job, labeler)
    with open_library() as library:
        return _with_progress(replace(job, library=library), labeler)


def _with_progress(job: Job, labeler: Labeler) -> Summary:
    from chexdesk.services.labelling import label_files

    if not sys.stderr.isatty():
        return label_files(job, labeler)
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns: list[Any] = [
        SpinnerColumn(),
        TextColumn("{task.completed:,} reports"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("label", total=None, rate="")

        def show(rows: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=rows, rate=f"{speed:,.0f}/s" if speed else "")

        return label_files(job, labeler, show)


def _say(summary: Summary, output: Path) -> None:
    words = f"{output}: {number(summary.rows, 'report')}"
    if summary.resumed:
        words += f", {summary.resumed:,} of them kept from the run before"
    if summary.failed:
        words += f", {summary.failed:,} could not be labelled (see their error)"
        words += f"; the first: {summary.first_error}"
    typer.echo(words, err=True)


def _open_pack(folder: Path | None) -> Pack:
    from chexdesk import paths
    from chexdesk.labeling.pack import PackError, open_pack
    from chexdesk.labels import chexpert14

    try:
        return open_pack(folder or paths.default_pack(), chexpert14())
    except PackError as error:
        fail(str(error))


def _export(export: Callable[[Library, Path], int], output: Path, noun: str) -> None:
    writable(output)
    with open_library() as library:
        try:
            count = export(library, output)
        except OSError as error:
            fail(f"{output}: cannot be written ({error.strerror or type(error).__name__})")
    typer.echo(f"{output}: {number(count, noun)}", err=True)


def _layers(words: str) -> int | None:
    if words == "auto":
        return None
    try:
        return int(words)
    except ValueError:
        wrong_use(f"--gpu-layers takes auto or a number, not {words!r}")


def _one_of(option: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        wrong_use(f"{option}: {given!r} is none of {', '.join(known)}")


if __name__ == "__main__":
    main()
