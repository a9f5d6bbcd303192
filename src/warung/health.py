"""Whether the server can do its work; knows no question and no product."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from warung.database.session import Database
from warung.engine.engine import Engine, EngineStatus
from warung.streams.broker import Broker


def create_router(engine: Engine, broker: Broker, store_name: str, database: Database) -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    async def health() -> JSONResponse:
        """503 when the model failed or is stuck, or the server stops. `degraded`: something else is wrong,
        which may pass, and what doesn't need it works."""
        state = engine.state()
        ok = state.status not in {EngineStatus.FAILED, EngineStatus.STUCK} and not broker.stopping
        body = {
            "ok": ok,
            "degraded": bool(broker.problem or database.problem),
            "stopping": broker.stopping,
            "modelReady": state.status is EngineStatus.READY,
            "modelId": state.model_id,
            "status": state.status,
            "running": state.running,
            "error": state.error,
            "sessions": {"store": store_name, "problem": broker.problem},
            "database": {"problem": database.problem},
        }
        return JSONResponse(body, status_code=200 if ok else 503)

    return router
