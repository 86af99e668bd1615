# SPDX-License-Identifier: Apache-2.0
"""Sign-language service: frames of landmarks in, the sign's name out.

Start it from any folder:  uvicorn main:app --app-dir <this folder>
"""

import logging
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from processing.predictor import InputError, get_predictor

logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO").upper())
log = logging.getLogger("sign-language-service")


@asynccontextmanager
async def lifespan(app: FastAPI):
    # A service that cannot load its model stays up to say so: /health answers
    # 503 with the reason, and no request is ever answered by something else.
    app.state.predictor = None
    app.state.load_error = "still loading"
    try:
        app.state.predictor = get_predictor()
        app.state.load_error = None
    except FileNotFoundError as error:
        log.error("model file not found: %s", error)
        app.state.load_error = "model file not found"
    except Exception as error:
        log.exception("loading the predictor failed")
        app.state.load_error = f"loading failed: {type(error).__name__}"
    yield
    app.state.predictor = None


app = FastAPI(title="sign-language-service", lifespan=lifespan)


class Frames(BaseModel):
    frames: list[list[float]]


@app.get("/live")
def live():
    """The process answers. True without a model: restarting would not bring one."""
    return {"status": "alive"}


@app.get("/health")
def health(request: Request):
    """The service can answer predictions."""
    if request.app.state.predictor is None:
        return JSONResponse(
            status_code=503,
            content={"status": "unavailable", "reason": request.app.state.load_error},
        )
    return {"status": "ok"}


@app.get("/model/status")
def model_status(request: Request):
    predictor = request.app.state.predictor
    if predictor is None:
        return {"loaded": False, "reason": request.app.state.load_error}
    return {"loaded": True, **predictor.status()}


@app.post("/predict")
def predict(body: Frames, request: Request):
    predictor = request.app.state.predictor
    if predictor is None:
        raise HTTPException(status_code=503, detail=request.app.state.load_error)
    try:
        return predictor.predict(body.frames)
    except InputError as error:
        raise HTTPException(status_code=422, detail=str(error)) from error
