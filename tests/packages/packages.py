# SPDX-License-Identifier: Apache-2.0
"""Small service packages: each with one fault of the catalogue, and good ones of other shapes.

Each function below writes the code and the model of one package; its decorator says what is wrong with it,
which check must find that and what the finding must name. packages_test.py shows each symptom without runup.
"""

import hashlib
import pathlib
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import numpy
import torch
from pieces import (
    ANCHORED,
    AT_IMPORT,
    CACHED,
    ENCODER_GLOBALS,
    FILL,
    FROM_ENCODER,
    FROM_FILE,
    LABELS,
    LABELS_BESIDE,
    MODEL,
    NAMES_BESIDE,
    NAMES_OF_ENCODER,
    NETWORK,
    PREDICTOR_CLASS,
    READ,
    READ_MODULE,
    READ_OBJECTS,
    checkpoint,
    checkpoint_with_encoder,
    config,
    guarded,
    imported,
    load,
    network_of,
    network_source,
    predictor_source,
    put_checkpoint,
    put_file,
    put_labels,
    put_module,
    put_samples,
    put_service,
    requirements,
    requirements_line,
    sample,
    save_on_device,
    server_source,
    trained,
)


@dataclass(frozen=True)
class Package:
    name: str
    # writes the package into a folder, which is made if need be
    write: Callable[[Path], None]
    # rows of the failure catalogue; "" for a good package
    fault: str
    # the check that must find the fault, and what the finding's text must contain
    check: str
    cause: str
    # the text of runup.yaml, which stands in the folder
    config: str
    # the folder that the server has on its module path, and the function that makes its predictor
    app: str
    factory: str


PACKAGES: list[Package] = []


def _package(fault, check, cause, app=".", factory="serving.predictor:get_predictor", **settings):
    """Makes a package of the function that writes its code and model; `settings` are those of config()."""

    def register(build):
        name = build.__name__.replace("_", "-")
        text = config(name, factory=factory, **settings)

        def write(folder):
            put_file(folder, "runup.yaml", text)
            put_samples(folder)
            build(Path(folder))

        PACKAGES.append(Package(name, write, fault, check, cause, text, app, factory))
        return build

    return register


def faulty(fault, check, cause, **settings):
    return _package(fault, check, cause, **settings)


def good(**settings):
    return _package("", "", "", **settings)


def put_usual(folder, **code):
    """A service whose checkpoint is as it should be."""
    put_service(folder, **code)
    put_checkpoint(folder, checkpoint())


# ---- paths and files


@faulty("PK8", "path-handling", MODEL)
def path_relative_to_cwd(folder):
    put_usual(folder, predictor=predictor_source(where=f'MODEL_PATH = Path("{MODEL}")'))


@faulty("PK8", "path-handling", "labels.json", labels=FROM_FILE)
def labels_relative_to_cwd(folder):
    """The model's path is anchored; that of the file beside it was forgotten."""
    where = f'{ANCHORED}\nLABELS_PATH = Path("models/labels.json")'
    put_service(folder, predictor=predictor_source(load(names=NAMES_BESIDE), where=where))
    put_checkpoint(folder, checkpoint(labels=None))
    put_labels(folder)


@faulty("PK6", "predictor-load", "GESTURE_MODEL")
def path_variable_not_set(folder):
    put_usual(folder, predictor=predictor_source(where='MODEL_PATH = Path(os.environ["GESTURE_MODEL"])'))


@faulty("PK6", "path-handling", "/home/minji")
def path_of_developers_home(folder):
    where = f'MODEL_PATH = Path("/home/minji/gestures/{MODEL}")'
    put_usual(folder, predictor=predictor_source(where=where))


@faulty("PK6", "model-present", "Net.pth")
def file_name_in_other_case(folder):
    """As it works on macOS and Windows."""
    put_service(folder)
    put_checkpoint(folder, checkpoint(), "models/Net.pth")


KOREAN = "models/손짓.pth"


@faulty("PK6", "model-present", "손짓.pth", path=KOREAN)
def file_name_decomposed(folder):
    """The archive was made on a Mac, which wrote the name's syllables as single letters."""
    put_service(folder, predictor=predictor_source(where=ANCHORED.replace(MODEL, KOREAN)))
    put_checkpoint(folder, checkpoint(), unicodedata.normalize("NFD", KOREAN))


DOCKERFILE = dedent("""\
    FROM python:3.13-slim
    WORKDIR /app
    COPY requirements.txt .
    RUN pip install --no-cache-dir -r requirements.txt
    COPY . .
    CMD ["uvicorn", "main:app", "--host", "0.0.0.0"]
    """)


@faulty("PK7", "model-present", ".dockerignore")
def model_ignored_by_docker(folder):
    """The folder has the model, the image that is built of it has not."""
    put_usual(folder)
    put_file(folder, "Dockerfile", DOCKERFILE)
    put_file(folder, ".dockerignore", "__pycache__/\nmodels/\n")


@faulty("PK6", "model-present", "labels.json", labels=FROM_FILE)
def labels_file_missing(folder):
    where = f"{ANCHORED}\n{LABELS_BESIDE}"
    put_service(folder, predictor=predictor_source(load(names=NAMES_BESIDE), where=where))
    put_checkpoint(folder, checkpoint(labels=None))


@faulty("PK1", "model-present", "Git LFS")
def lfs_pointer(folder):
    put_usual(folder)
    whole = Path(folder, MODEL).read_bytes()
    oid = hashlib.sha256(whole).hexdigest()
    spec = "https://git-lfs.github.com/spec/v1"
    put_file(folder, MODEL, f"version {spec}\noid sha256:{oid}\nsize {len(whole)}\n")


@faulty("PK3", "model-present", "HTML page")
def html_page(folder):
    put_service(folder)
    page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
    put_file(folder, MODEL, page)


@faulty("PK4", "model-loadable", "ends early")
def truncated(folder):
    put_usual(folder)
    whole = Path(folder, MODEL).read_bytes()
    put_file(folder, MODEL, whole[: len(whole) * 2 // 3])


@faulty("PK10", "predictor-load", "urlopen error")
def downloads_at_start(folder):
    """Fetches pretrained weights, only to overwrite them with the checkpoint's."""
    url = "https://weights.example.invalid/body.pth"
    fetch = f'model.body.load_state_dict(torch.hub.load_state_dict_from_url("{url}"))'
    put_usual(folder, predictor=predictor_source(load(build=f"model = GestureNet()\n{fetch}")))


# ---- checkpoints and their classes

WHOLE_MODULE = load(read=READ_MODULE, build="", fill="", names=NAMES_BESIDE)
BESIDE = f"{ANCHORED}\n{LABELS_BESIDE}"


def put_whole_module(folder, saved_in, **code):
    """A service that loads the network as a whole object, saved where its class was in `saved_in`."""
    code.setdefault("predictor", predictor_source(WHOLE_MODULE, where=BESIDE))
    put_service(folder, **code)
    put_module(folder, saved_in)
    put_labels(folder)


@faulty("CK6", "model-loadable", "GestureNet", labels=FROM_FILE, state_dict=None)
def class_of_main(folder):
    put_whole_module(folder, "__main__")


@faulty("CK6", "class-dependencies", "__main__", labels=FROM_FILE, state_dict=None)
def class_of_main_given_under_guard(folder):
    """Works with `python main.py`, and not with `uvicorn main:app`, whose __main__ is uvicorn."""
    guard = dedent("""

        if __name__ == "__main__":
            import uvicorn

            sys.modules["__main__"].GestureNet = GestureNet
            uvicorn.run(app)
        """)
    imports = "from serving.network import GestureNet\nfrom serving.predictor import get_predictor"
    main = server_source(imports, end=guard).replace("from contextlib", "import sys\nfrom contextlib", 1)
    put_whole_module(folder, "__main__", main=main)


CLASS_IN_MAIN = server_source(
    "from serving.network import GestureNet\nfrom serving.predictor import get_predictor",
    end='\n\nif __name__ == "__main__":\n    import uvicorn\n\n    uvicorn.run(app)\n',
)
IMAGE = "FROM python:3.13\nCOPY . /app\nWORKDIR /app\n"


@faulty("CK6", "class-dependencies", "uvicorn main:app", labels=FROM_FILE, state_dict=None)
def class_of_main_in_image_of_uvicorn(folder):
    """main.py imports the class, so that `python main.py` finds it; the image starts uvicorn."""
    put_whole_module(folder, "__main__", main=CLASS_IN_MAIN)
    put_file(folder, "Dockerfile", IMAGE + 'CMD ["uvicorn", "main:app"]\n')


@faulty("CK8", "class-dependencies", "networks.gesture", labels=FROM_FILE, state_dict=None)
def class_in_module_that_moved(folder):
    put_whole_module(folder, "networks.gesture")


@faulty("CK8", "class-dependencies", "GestureNet", labels=FROM_FILE, state_dict=None)
def class_renamed(folder):
    """The module is where it was; its class has another name since."""
    renamed = predictor_source(WHOLE_MODULE, where=BESIDE).replace("GestureNet", "ConvGestureNet")
    network = NETWORK.replace("GestureNet", "ConvGestureNet")
    put_whole_module(folder, "serving.network", predictor=renamed, network=network)


ENCODER_PREDICTOR = predictor_source(load(read=READ_OBJECTS, names=NAMES_OF_ENCODER))


@faulty("CK1", "predictor-load", "LabelEncoder", labels=FROM_ENCODER)
def encoder_refused_by_weights_only(folder):
    """Written for torch 2.5, whose torch.load still executed what the file names."""
    read = READ.replace(", weights_only=True", "")
    needs = requirements("scikit-learn")
    put_service(folder, predictor=predictor_source(load(read=read, names=NAMES_OF_ENCODER)), needs=needs)
    put_checkpoint(folder, checkpoint_with_encoder())


@faulty("CK2", "predictor-load", "Float64DType")
def numpy_scalar_half_allowed(folder):
    """The accuracy is a numpy.float64; the types that the message named were allowed, one at a time."""
    allowed = "torch.serialization.add_safe_globals([numpy._core.multiarray.scalar, numpy.dtype])"
    put_service(folder, predictor=predictor_source(where=f"{ANCHORED}\n{allowed}"))
    put_checkpoint(folder, checkpoint(accuracy=numpy.float64(0.97)))


@faulty("CK5", "predictor-load", "149")
def newer_pickle_protocol(folder):
    put_service(folder)
    put_checkpoint(folder, checkpoint(), pickle_protocol=4)


class _SavedOnWindows:
    """Pickles as the path object that a script on Windows keeps in its settings."""

    def __reduce__(self):
        return pathlib.WindowsPath, ("D:\\data\\gestures",)


@faulty("CK16", "model-loadable", "WindowsPath")
def path_object_of_windows(folder):
    put_service(folder, predictor=predictor_source(load(read=READ_OBJECTS)))
    put_checkpoint(folder, checkpoint(data=_SavedOnWindows()))


def of_data_parallel():
    """The weights under the names that they have in torch.nn.DataParallel."""
    return {f"module.{key}": value for key, value in trained().items()}


@faulty("CK17", "state-dict-format", "module.")
def parallel_prefix(folder):
    put_service(folder)
    put_checkpoint(folder, checkpoint(model_state_dict=of_data_parallel()))


@faulty("CK21", "predictor-load", "size mismatch for head.weight")
def head_of_other_size(folder):
    """The code has learnt of a fifth gesture, the checkpoint has not."""
    put_usual(folder, predictor=predictor_source(load(build="model = GestureNet(classes=5)")))


@faulty("DV1", "device-mapping", "cuda:0")
def storages_of_gpu(folder):
    read = READ.replace('map_location="cpu", ', "")
    put_service(folder, predictor=predictor_source(load(read=read)))
    save_on_device(checkpoint(), put_file(folder, MODEL, b""), "cuda:0")


@faulty("DV1", "predictor-load", "CUDA")
def always_to_gpu(folder):
    """The file is read for the CPU; the network is sent to a GPU all the same, as the module is imported."""
    loading = load(build="model = GestureNet().cuda()")
    put_usual(folder, predictor=predictor_source(loading, factory=AT_IMPORT))


# ---- weights that are not the file's

NON_STRICT = FILL.replace(")", ", strict=False)")


@faulty("CK19", "weights-used", "head.weight")
def random_head_by_strict_false(folder):
    """The head was called `classifier` when it was trained, so nothing fills it."""
    put_service(folder, predictor=predictor_source(load(fill=NON_STRICT)))
    state = {key.replace("head.", "classifier."): value for key, value in trained().items()}
    put_checkpoint(folder, checkpoint(model_state_dict=state))


WRONG_KEY = FILL.replace("model_state_dict", "state_dict")


@faulty("SV2", "weights-used", "body.0.weight")
def random_network_on_error(folder):
    """Any error ends in a fresh network; here the key is misspelt."""
    trial = guarded(load(fill=WRONG_KEY, ready=""), f"model = GestureNet()\nlabels = {LABELS}")
    put_usual(folder, predictor=predictor_source(f"{trial}\nmodel.eval()"))


@faulty("SV2", "weights-used", "net_v1.pth", labels=FROM_ENCODER)
def older_checkpoint_on_error(folder):
    """The new file needs an allow-list, so the one of the first day goes on serving."""
    newest = load(names=NAMES_OF_ENCODER)
    older = load(read=READ.replace("MODEL_PATH", 'MODEL_PATH.with_name("net_v1.pth")'))
    put_service(folder, predictor=predictor_source(guarded(newest, older)), needs=requirements("scikit-learn"))
    put_checkpoint(folder, checkpoint_with_encoder())
    put_checkpoint(folder, checkpoint(model_state_dict=trained(0), epoch=0), "models/net_v1.pth")


# ---- labels


@faulty("LB2", "label-encoder", "has 3 classes", sample_label=None)
def label_missing(folder):
    put_service(folder)
    put_checkpoint(folder, checkpoint(labels=LABELS[:3]))


@faulty("LB3", "inference", "stop")
def labels_in_other_order(folder):
    """As the folder of the training clips listed them, not as they were sorted for training."""
    put_service(folder)
    put_checkpoint(folder, checkpoint(labels=["stop", "fist", "point", "palm"]))


@faulty("LB1", "label-encoder", "`labels`", sample_label=None)
def labels_invented(folder):
    names = 'labels = checkpoint.get("labels") or [f"Gesture_{i}" for i in range(4)]'
    put_service(folder, predictor=predictor_source(load(names=names)))
    put_checkpoint(folder, checkpoint(labels=None))


# ---- code that cannot start


@faulty("SV3", "predictor-load", "load_predictor", factory="serving.predictor:load_predictor")
def factory_renamed(folder):
    """The function is called get_predictor since; the server still imports it by its old name."""
    put_usual(folder, main=server_source().replace("get_predictor", "load_predictor"))


@faulty("SV12", "predictor-load", "None")
def factory_returns_none(folder):
    loading = guarded(load(fill=WRONG_KEY), "return None")
    put_usual(folder, predictor=predictor_source(loading))


@faulty("CK15", "predictor-load", "einops")
def imports_what_nobody_installs(folder):
    """A module that the developer has, and neither the requirements nor the server."""
    network = network_source(
        top="from einops import rearrange\nfrom torch import nn",
        forward='x = rearrange(x, "batch (channel feature) -> batch channel feature", channel=1)',
    )
    put_usual(folder, network=network)


@faulty("SV3", "predictor-load", "circular import")
def circular_import(folder):
    top = "from torch import nn\n\nfrom serving.predictor import MODEL_PATH"
    put_usual(folder, network=network_source(top=top))


SIBLING = "\nfrom .network import GestureNet"


@faulty("SV3", "predictor-load", "'types' is not a package", factory="types.predictor:get_predictor")
def package_named_as_standard_module(folder):
    main = server_source("from types.predictor import get_predictor")
    put_usual(folder, predictor=predictor_source(network_import=SIBLING), main=main, package="types")


# ---- versions


@faulty("CK15", "class-dependencies", "scikit-learn", labels=FROM_ENCODER)
def encoder_without_scikit_learn(folder):
    """Nothing imports scikit-learn; the checkpoint's pickle needs it."""
    put_service(folder, predictor=ENCODER_PREDICTOR)
    put_checkpoint(folder, checkpoint_with_encoder())


@faulty("CK13", "runtime-versions", "scikit-learn", labels=FROM_ENCODER)
def encoder_of_other_scikit_learn(folder):
    put_service(folder, predictor=ENCODER_PREDICTOR, needs=requirements("scikit-learn", scikit_learn="1.6.1"))
    put_checkpoint(folder, checkpoint_with_encoder())


@faulty("CK11", "runtime-versions", "numpy", labels=FROM_ENCODER)
def numpy_older_than_pickle(folder):
    put_service(folder, predictor=ENCODER_PREDICTOR, needs=requirements("scikit-learn", numpy="1.24.4"))
    put_checkpoint(folder, checkpoint_with_encoder())


@faulty("CK1", "runtime-versions", "since 1.13")
def argument_newer_than_pin(folder):
    put_usual(folder, needs=requirements(torch="1.12.1"))


@faulty("CK27", "runtime-versions", "2.2.2")
def torch_older_than_checkpoint(folder):
    """uint16 tensors are of torch 2.3; and numpy stays below 2, which torch 2.2 does not know."""
    put_service(folder, needs=requirements(torch="2.2.2", numpy="1.26.4"))
    put_checkpoint(folder, checkpoint(clips_seen=torch.tensor([410, 388, 402, 395], dtype=torch.uint16)))


# ---- answers


@faulty("TS5", "eval-mode", "Dropout")
def never_eval(folder):
    put_usual(folder, predictor=predictor_source(load(ready="")))


@faulty("TS5", "eval-mode", "same input twice")
def answers_change_the_state(folder):
    """The network centres its input on what it saw before, so each answer changes the next."""
    network = network_source(
        top="import torch\nfrom torch import nn",
        init='self.register_buffer("seen", torch.zeros(1, FEATURES), persistent=False)',
        forward=dedent("""\
            centred = x - self.seen
            self.seen = 0.5 * self.seen + 0.5 * x.mean(dim=0, keepdim=True)
            x = centred.unsqueeze(1)"""),
    )
    put_usual(folder, network=network)


@faulty("TS3", "input-shape", "batch")
def batch_of_one_only(folder):
    put_usual(folder, network=network_source(forward="x = x.view(1, 1, FEATURES)"))


@faulty("SH1", "inference", "mat1 and mat2")
def input_transposed(folder):
    definitions = PREDICTOR_CLASS.replace("dtype=numpy.float32)", "dtype=numpy.float32).T")
    put_usual(folder, predictor=predictor_source(definitions=definitions))


def export_onnx(folder, state):
    path = put_file(folder, "models/net.onnx", b"")
    names = {"input_names": ["frames"], "output_names": ["logits"]}
    axes = {"frames": {0: "batch"}, "logits": {0: "batch"}}
    with imported("network", NETWORK) as code:
        model = network_of(state, code)
        example = torch.from_numpy(sample())
        torch.onnx.export(model, (example,), str(path), dynamo=False, dynamic_axes=axes, **names)


@faulty("ON11", "conversion-parity", "net.onnx", model=("conversions:", "  - {path: models/net.onnx}"))
def onnx_of_earlier_epoch(folder):
    put_usual(folder)
    export_onnx(folder, trained(50))


# ---- good ones


@good()
def loaded_at_start(folder):
    """The usual shape: a cached predictor, made in the server's lifespan."""
    put_usual(folder)


@good()
def loaded_at_first_request(folder):
    factory = dedent("""\
        _lock = threading.Lock()
        _predictor = None


        def get_predictor():
            global _predictor
            with _lock:
                if _predictor is None:
                    _predictor = load_predictor()
            return _predictor


        """) + CACHED.replace("@functools.lru_cache(maxsize=1)\n", "").replace("get_", "load_")
    start = 'app = FastAPI(title="gestures")\n'
    main = server_source(start=start, answer="get_predictor().predict(body.frames)")
    put_usual(folder, predictor=predictor_source(factory=factory), main=main)


@good()
def loaded_at_import(folder):
    put_usual(folder, predictor=predictor_source(factory=AT_IMPORT))


STARTUP_EVENT = dedent("""\
    app = FastAPI(title="gestures")


    @app.on_event("startup")
    async def load_model():
        try:
            app.state.predictor = get_predictor()
        except Exception as error:
            print("could not load:", error)
            app.state.predictor = None
    """)
HONEST_HEALTH = dedent("""\
    if app.state.predictor is None:
        raise HTTPException(503, "no model")
    return {"status": "ok"}""")


@good()
def loaded_in_startup_event(folder):
    """Starts without its model too, and then /health says so."""
    put_usual(folder, main=server_source(start=STARTUP_EVENT, health=HONEST_HEALTH))


@good(factory="serving.factory:create_predictor")
def made_by_class_method(folder):
    """The predictor's class loads itself; a function in another module says from where."""
    loading = load().replace("MODEL_PATH", "path") + "\nreturn cls(model, labels)"
    method = "@classmethod\ndef from_path(cls, path):\n" + indent(loading, "    ")
    put_usual(
        folder,
        predictor=predictor_source(
            definitions=f"{PREDICTOR_CLASS}\n{indent(method, '    ')}", factory="", where=""
        ),
        main=server_source("from serving.factory import create_predictor as get_predictor"),
    )
    imports = "from pathlib import Path\n\nfrom serving.predictor import Predictor\n"
    create = "def create_predictor():\n    return Predictor.from_path(MODEL_PATH)\n"
    put_file(folder, "serving/factory.py", f"{imports}\n{ANCHORED}\n\n\n{create}")


ANSWER_FUNCTION = dedent("""\
    def predict(model, labels, frames):
        x = torch.from_numpy(numpy.asarray(frames, dtype=numpy.float32))
        with torch.inference_mode():
            return [labels[int(best)] for best in model(x).argmax(dim=1)]
    """)


@good()
def factory_returns_dict(folder):
    """No class at all: the parts in a dict, and a function that answers."""
    factory = CACHED.replace(
        "return Predictor(model, labels)",
        'return {"model": model, "labels": labels, "predict": functools.partial(predict, model, labels)}',
    )
    main = server_source(answer='app.state.predictor["predict"](body.frames)')
    put_usual(folder, predictor=predictor_source(definitions=ANSWER_FUNCTION, factory=factory), main=main)


@good(
    app="service",
    package="service",
    path="/srv/models/net.pth",
    top=("mounts: [{at: /srv/models, from: store}]",),
)
def model_in_mounted_folder(folder):
    where = 'MODEL_PATH = Path("/srv/models/net.pth")'
    put_service(folder / "service", predictor=predictor_source(where=where))
    put_checkpoint(folder, checkpoint(), "store/net.pth")


@good(top=("installed_at: /srv/gestures",))
def absolute_path_where_installed(folder):
    put_usual(folder, predictor=predictor_source(where=f'MODEL_PATH = Path("/srv/gestures/{MODEL}")'))


@good(
    app="src",
    entrypoint="src/main.py",
    path="../models/net.pth",
    factory="gestures.predictor:get_predictor",
)
def src_layout(folder):
    put_service(
        folder / "src",
        predictor=predictor_source(
            where=ANCHORED.replace("parent.parent", "parents[2]"),
            network_import="\nfrom gestures.network import GestureNet",
        ),
        main=server_source("from gestures.predictor import get_predictor"),
        package="gestures",
    )
    put_checkpoint(folder, checkpoint())


@good(entrypoint="app/main.py", factory="app.predictor:get_predictor")
def server_inside_package(folder):
    """`uvicorn app.main:app`: the server is a module of the package and imports by relative names."""
    put_service(
        folder,
        predictor=predictor_source(where=ANCHORED.replace("parent.parent", "parent"), network_import=SIBLING),
        main=server_source("from .predictor import get_predictor"),
        package="app",
    )
    (folder / "main.py").rename(folder / "app/main.py")
    put_checkpoint(folder, checkpoint(), f"app/{MODEL}")


@good()
def path_variable_with_default(folder):
    where = ANCHORED + '\nMODEL_PATH = Path(os.environ.get("GESTURE_MODEL", MODEL_PATH))'
    put_usual(folder, predictor=predictor_source(where=where))


@good()
def path_by_os_path(folder):
    where = dedent("""\
        HERE = os.path.dirname(os.path.abspath(__file__))
        MODEL_PATH = os.path.join(HERE, os.pardir, "models", "net.pth")""")
    put_usual(folder, predictor=predictor_source(where=where))


@good()
def path_in_settings(folder):
    """The path is a field of an object in another module, with a default that is anchored."""
    settings = dedent("""\
        from dataclasses import dataclass
        from pathlib import Path

        ROOT = Path(__file__).resolve().parents[1]


        @dataclass(frozen=True)
        class Settings:
            model: Path = ROOT / "models" / "net.pth"
            device: str = "cpu"


        settings = Settings()
        """)
    read = READ.replace("MODEL_PATH", "settings.model").replace('"cpu"', "settings.device")
    text = predictor_source(
        load(read=read),
        where="",
        network_import="\nfrom serving.network import GestureNet\nfrom serving.settings import settings",
    )
    put_usual(folder, predictor=text)
    put_file(folder, "serving/settings.py", settings)


@good(path="models/net.ts.pt", labels=FROM_FILE, state_dict=None)
def torchscript_only(folder):
    """No network in the code: the archive brings its own."""
    read = 'model = torch.jit.load(MODEL_PATH, map_location="cpu")'
    put_service(
        folder,
        predictor=predictor_source(
            load(read=read, build="", fill="", names=NAMES_BESIDE),
            where=BESIDE.replace(MODEL, "models/net.ts.pt"),
            network_import="",
        ),
    )
    (folder / "serving/network.py").unlink()
    put_labels(folder)
    path = put_file(folder, "models/net.ts.pt", b"")
    with imported("network", NETWORK) as code, torch.inference_mode():
        torch.jit.trace(network_of(trained(), code), torch.from_numpy(sample())).save(str(path))


SESSION_CLASS = PREDICTOR_CLASS.replace("model", "session").replace(
    dedent("""\
        x = torch.from_numpy(numpy.asarray(frames, dtype=numpy.float32))
                with torch.inference_mode():
                    return self.session(x).numpy()"""),
    'return self.session.run(None, {"frames": numpy.asarray(frames, dtype=numpy.float32)})[0]',
)


@good(path="models/net.onnx", labels=FROM_FILE, state_dict=None)
def onnx_only(folder):
    """No torch on the server."""
    read = 'model = onnxruntime.InferenceSession(MODEL_PATH, providers=["CPUExecutionProvider"])'
    text = predictor_source(
        load(read=read, build="", fill="", ready="", names=NAMES_BESIDE),
        where=BESIDE.replace(MODEL, "models/net.onnx"),
        network_import="",
        runtime="onnxruntime",
        definitions=SESSION_CLASS,
    )
    needs = requirements("onnxruntime").replace(requirements_line("torch"), "")
    put_service(folder, predictor=text, needs=needs)
    (folder / "serving/network.py").unlink()
    put_labels(folder)
    export_onnx(folder, trained())


@good(path="models/net.safetensors", labels=FROM_FILE, state_dict=None)
def safetensors_weights(folder):
    from safetensors.torch import save_file

    put_service(
        folder,
        predictor=predictor_source(
            load(read="", fill="model.load_state_dict(load_file(MODEL_PATH))", names=NAMES_BESIDE),
            where=BESIDE.replace(MODEL, "models/net.safetensors"),
            imports="from safetensors.torch import load_file",
        ),
        needs=requirements("safetensors"),
    )
    put_labels(folder)
    save_file(trained(), put_file(folder, "models/net.safetensors", b""))


@good(labels=FROM_ENCODER)
def encoder_allow_listed(folder):
    put_service(
        folder,
        predictor=predictor_source(
            load(names=NAMES_OF_ENCODER),
            where=f"{ANCHORED}\n\n{ENCODER_GLOBALS}",
            imports="from sklearn.preprocessing import LabelEncoder",
        ),
        needs=requirements("scikit-learn"),
    )
    put_checkpoint(folder, checkpoint_with_encoder())


@good(labels=FROM_FILE, state_dict=None)
def class_shipped(folder):
    """A whole object, of a class that the package has under the very name."""
    put_whole_module(folder, "serving.network")


@good(labels=FROM_FILE, state_dict=None)
def class_of_main_given_before_load(folder):
    """A whole object of __main__, whose class the loader puts there first, whatever started the server."""
    give = 'sys.modules["__main__"].GestureNet = GestureNet'
    text = predictor_source(f"{give}\n{WHOLE_MODULE}", where=BESIDE)
    put_whole_module(folder, "__main__", predictor=text)


@good(labels=FROM_FILE, state_dict=None)
def class_of_main_started_as_script(folder):
    """A whole object of __main__, which is main.py in this image."""
    put_whole_module(folder, "__main__", main=CLASS_IN_MAIN)
    put_file(folder, "Dockerfile", IMAGE + 'CMD ["python", "main.py"]\n')


@good()
def cpu_where_there_is_no_gpu(folder):
    """Tries a GPU first; the same file again is no fallback to another model."""
    first = READ.replace('"cpu"', '"cuda"')
    retry = f"try:\n{indent(first, ' ' * 4)}\nexcept (RuntimeError, AssertionError):\n{indent(READ, ' ' * 4)}"
    put_service(folder, predictor=predictor_source(load(read=retry)))
    put_checkpoint(folder, checkpoint())


@good()
def prefix_stripped(folder):
    """Saved from DataParallel, and loaded by code that knows it."""
    fill = dedent("""\
        state = checkpoint["model_state_dict"]
        model.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})""")
    put_service(folder, predictor=predictor_source(load(fill=fill)))
    put_checkpoint(folder, checkpoint(model_state_dict=of_data_parallel()))


@good()
def extra_head_left_out(folder):
    """strict=False for a head that only training needs; what is missing is an error all the same."""
    fill = f"missing = {NON_STRICT}.missing_keys\nif missing:\n    raise ValueError(missing)"
    put_service(folder, predictor=predictor_source(load(fill=fill)))
    # what this head learnt does not matter, as long as it looks like weights
    extra = {f"phase_head.{key[5:]}": value * 0.5 for key, value in trained().items() if key.startswith("head.")}
    put_checkpoint(folder, checkpoint(model_state_dict=trained() | extra))


if __name__ == "__main__":
    # packages.py FOLDER: writes all of them, each into a folder of its name
    for each in PACKAGES:
        each.write(Path(sys.argv[1], each.name))
