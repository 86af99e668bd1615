# SPDX-License-Identifier: Apache-2.0
"""The example service as it should not be: every habit here breaks in production."""

from fastapi import FastAPI

from processing.predictor import get_predictor

app = FastAPI()
app.state.predictor = None


@app.on_event("startup")
async def startup_event():
    try:
        app.state.predictor = get_predictor()
    except Exception as error:
        print("could not load", error)


@app.get("/health")
def health():
    return {"ok": app.state.predictor is not None}


@app.post("/predict")
def predict(body: dict):
    if app.state.predictor is None:
        return {"label": "안녕하세요", "confidence": 0.99}
    return app.state.predictor.predict(body["frames"])
