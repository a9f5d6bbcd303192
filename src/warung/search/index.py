"""The full-text index of the products, derived from the database; knows no shopper and no ranking."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

import structlog
from tantivy import Document, Index, IndexWriter, Query

from warung.errors import Unavailable
from warung.products.product import ChangeMark
from warung.products.service import ProductService
from warung.search.documents import (
    SORTED_BY,
    TOKENIZER,
    VERSION,
    make_analyzer,
    make_document,
    make_schema,
    prepared,
)
from warung.search.folder_lock import claim, share
from warung.search.segments import check_segments
from warung.search.snapshot import Snapshot
from warung.search.supplier_map import SupplierMap
from warung.suppliers.service import SupplierService

log = structlog.get_logger(__name__)

_BATCH = 1000
_WRITER_BYTES = 64_000_000
_STATE = "state"


@dataclass(frozen=True, slots=True)
class _Opened:
    """An index that can be read, the suppliers on their map, and the last change that went into both."""

    index: Index
    suppliers: SupplierMap
    applied: ChangeMark | None


class ProductIndex:
    """An index in `folder`, which is its alone and may be deleted at any time: it is made anew.

    The mark of the last applied change is itself a document of the index, so that it is committed
    together with what it stands for, or not at all. One process writes; all methods may be called
    from any thread.
    """

    def __init__(self, folder: Path, products: ProductService, suppliers: SupplierService) -> None:
        self._folder = folder
        self._products = products
        self._supplier_service = suppliers
        self._schema = make_schema()
        self._analyzer = make_analyzer()
        self._writing = Lock()
        self._opened: _Opened | None = None

    def terms(self, text: str) -> list[str]:
        """The words of `text` as the index knows them, each once, in their order."""
        return list(dict.fromkeys(self._analyzer.analyze(prepared(text))))

    def snapshot(self) -> Snapshot:
        """What is committed at this moment. Raises Unavailable before the first `catch_up`."""
        opened = self._opened
        if opened is None:
            raise Unavailable("the search index is still being built", retry_after_seconds=5)
        return Snapshot(opened.index.searcher(), self._schema, opened.suppliers)

    def catch_up(self) -> int:
        """Apply what the database's change log holds beyond the index; how many products were written.

        Makes the index anew when it is missing, damaged, of another version or of another database.
        Raises Unavailable when another process writes to the folder.
        """
        with self._writing:
            if not (self._folder / "meta.json").exists():
                self._opened = None
            share(self._folder)
            opened = self._opened or self._open()
            if opened is None or not self._is_of_this_database(opened.applied):
                return self._rebuild()
            self._opened = opened
            if self._products.last_change() == opened.applied:
                return 0
            written = self._try_to_apply(opened)
            return self._rebuild() if written is None else written

    def rebuild(self, on_progress: Callable[[int], None] = lambda _done: None) -> int:
        """Make the index anew from the database; how many products it holds.

        Raises Unavailable while another process uses the folder.
        """
        with self._writing:
            claim(self._folder)
            return self._rebuild(on_progress)

    def _open(self) -> _Opened | None:
        """The index in the folder; None if there is none that this version can read."""
        if not self._folder.exists():
            return None
        try:
            check_segments(self._folder)
            index = Index.open(str(self._folder))
            index.register_tokenizer(TOKENIZER, self._analyzer)
            version, applied = _read_state(index)
        except (OSError, ValueError) as error:
            log.info("no usable search index", folder=str(self._folder), error=str(error))
            return None
        if version != VERSION:
            return None
        return _Opened(index, SupplierMap(self._supplier_service.locations()), applied)

    def _is_of_this_database(self, applied: ChangeMark | None) -> bool:
        return applied is None or self._products.holds_change(applied)

    def _try_to_apply(self, opened: _Opened) -> int | None:
        """None when the files are damaged. Returning lets go of the writer, whose lock a rebuild needs."""
        try:
            return self._apply(opened)
        except (OSError, ValueError) as error:
            log.warning("the search index can't be written and is made anew", error=str(error))
            return None

    def _apply(self, opened: _Opened) -> int:
        writer = _writer(opened.index)
        applied = opened.applied
        written = 0
        while changes := self._products.changes_after(applied.seq if applied else 0, _BATCH):
            for product_id in changes.ids:
                writer.delete_documents_by_term("id", product_id)
            for product in changes.products:
                opened.suppliers.place(product.supplier.id, product.supplier.location)
                writer.add_document(make_document(product))
            written += len(changes.ids)
            applied = changes.mark
        self._commit(writer, opened.index, applied)
        self._opened = _Opened(opened.index, opened.suppliers, applied)
        return written

    def _rebuild(self, on_progress: Callable[[int], None] = lambda _done: None) -> int:
        """Readers keep the old files, if they have them open, until the new ones are complete."""
        self._require_sole_writer()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        index = Index(self._schema, str(self._folder), sort_by_field=SORTED_BY)
        index.register_tokenizer(TOKENIZER, self._analyzer)
        # Read before the products: what changes while they are read is applied once more afterwards.
        applied = self._products.last_change()
        suppliers = SupplierMap(self._supplier_service.locations())
        writer = _writer(index)
        count = last_id = 0
        while products := self._products.after(last_id, _BATCH):
            for product in products:
                writer.add_document(make_document(product))
            count, last_id = count + len(products), products[-1].id
            on_progress(count)
        self._commit(writer, index, applied)
        self._opened = _Opened(index, suppliers, applied)
        return count

    def _require_sole_writer(self) -> None:
        """Raises Unavailable rather than delete a folder under another process's hands."""
        try:
            index = Index.open(str(self._folder))
        except (OSError, ValueError):
            return
        _writer(index).wait_merging_threads()

    def _commit(self, writer: IndexWriter, index: Index, applied: ChangeMark | None) -> None:
        state = Document()
        state.add_text(_STATE, _STATE)
        state.add_text(_STATE, _print_state(applied))
        writer.delete_documents_by_term(_STATE, _STATE)
        writer.add_document(state)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()


def _writer(index: Index) -> IndexWriter:
    try:
        return index.writer(_WRITER_BYTES, 1)
    except ValueError as error:
        if "LockBusy" in str(error):
            raise Unavailable(
                "another process writes to this search index; give each its own folder"
            ) from error
        raise


def _print_state(applied: ChangeMark | None) -> str:
    mark = None if applied is None else [applied.seq, applied.product_id, applied.changed_at.isoformat()]
    return json.dumps({"version": VERSION, "applied": mark})


def _read_state(index: Index) -> tuple[int, ChangeMark | None]:
    """The version that wrote the index, and its mark. Raises ValueError if there is no such document."""
    searcher = index.searcher()
    hits = searcher.search(Query.term_query(index.schema, _STATE, _STATE), 1).hits
    if not hits:
        raise ValueError("it was never committed")
    state = json.loads(searcher.doc(hits[0][1]).get_all(_STATE)[1])
    mark = state["applied"]
    return state["version"], mark and ChangeMark(mark[0], mark[1], datetime.fromisoformat(mark[2]))
