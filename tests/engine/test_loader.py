import importlib.util
from pathlib import Path

import pytest

from warung.engine.loader import EngineName, ModelFormat, ModelSource, choose_engine
from warung.errors import InvalidInput


def openvino_folder(path: Path) -> Path:
    path.mkdir()
    (path / "openvino_model.xml").touch()
    (path / "config.json").touch()
    return path


def transformers_folder(path: Path) -> Path:
    path.mkdir()
    (path / "config.json").touch()
    return path


def gguf_file(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize("name", ["HuggingFaceTB/SmolLM2-135M-Instruct", "gpt2", "a_b/c.d-e"])
def test_a_hub_id(name: str) -> None:
    source = ModelSource.parse(name)
    assert source == ModelSource(name, ModelFormat.HUB)
    assert source.public_name == name


@pytest.mark.parametrize("file", ["small.Q4.gguf", "Q4/small.Q4.gguf"])
def test_a_file_on_a_hub(file: str) -> None:
    source = ModelSource.parse(f"owner/small-GGUF/{file}")
    assert source == ModelSource(f"owner/small-GGUF/{file}", ModelFormat.GGUF, None, "owner/small-GGUF", file)
    assert source.public_name == "small.Q4"


def test_what_lies_on_this_machine(tmp_path: Path) -> None:
    file = gguf_file(tmp_path / "small.Q4.gguf")
    folder = transformers_folder(tmp_path / "small")
    quick = openvino_folder(tmp_path / "small-ov")
    sources = [ModelSource.parse(str(path)) for path in (file, folder, quick)]
    assert [source.format for source in sources] == [
        ModelFormat.GGUF,
        ModelFormat.FOLDER,
        ModelFormat.OPENVINO,
    ]
    assert [source.path for source in sources] == [file, folder, quick]


def test_the_name_on_the_wire_does_not_tell_where_a_model_lies(tmp_path: Path) -> None:
    file = gguf_file(tmp_path / "small.Q4.gguf")
    folder = transformers_folder(tmp_path / "small")
    assert ModelSource.parse(str(file)).public_name == "small.Q4"
    assert ModelSource.parse(str(folder)).public_name == "small"
    assert ModelSource.parse(f"{folder}/").public_name == "small"


def test_a_path_relative_to_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers_folder(tmp_path / "small")
    monkeypatch.chdir(tmp_path / "small")
    assert ModelSource.parse(".").public_name == "small"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("/nowhere/model", "no folder and no .gguf file"),
        ("./model", "no folder and no .gguf file"),
        ("~/no-such-model", "no folder and no .gguf file"),
        ("model.gguf", "no folder and no .gguf file"),
        ("~no-such-user/model", "can't be looked up"),
        ("a/b/c", "neither a hub id"),
        ("models/small.gguf", "on a hub: owner/model/file.gguf"),
        ("./models/small/q4.gguf", "no folder and no .gguf file"),
        ("two words", "neither a hub id"),
        ("null\0byte", "neither a hub id"),
        ("n" * 3000, "can't be looked up"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(name: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        ModelSource.parse(name)
    assert caught.value.field == "MODEL_REPO_ID"
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_a_folder_or_file_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"holds neither config\.json nor openvino_model\.xml"):
        ModelSource.parse(str(tmp_path))
    weights = tmp_path / "weights.bin"
    weights.touch()
    with pytest.raises(InvalidInput, match=r"no \.gguf file"):
        ModelSource.parse(str(weights))


@pytest.mark.parametrize(
    ("source", "on_a_cpu"),
    [
        (ModelSource("m.gguf", ModelFormat.GGUF, Path("m.gguf")), EngineName.OPENVINO),
        (ModelSource("m", ModelFormat.OPENVINO, Path("m")), EngineName.OPENVINO),
        (ModelSource("OpenVINO/Qwen3-8B-int4-ov", ModelFormat.HUB), EngineName.OPENVINO),
        (ModelSource("owner/model-ov", ModelFormat.HUB), EngineName.OPENVINO),
        (ModelSource("owner/model-over", ModelFormat.HUB), EngineName.TRANSFORMERS),
        (ModelSource("owner/model", ModelFormat.HUB), EngineName.TRANSFORMERS),
        (ModelSource("m", ModelFormat.FOLDER, Path("m")), EngineName.TRANSFORMERS),
    ],
)
def test_the_engine_follows_from_the_model_and_the_machine(
    source: ModelSource, on_a_cpu: EngineName, tmp_path: Path
) -> None:
    assert importlib.util.find_spec("openvino_genai"), "the tests need the openvino extra"
    no_gpu, gpu = tmp_path / "absent", tmp_path / "gpu"
    gpu.touch()
    assert choose_engine(source, gpu=no_gpu) is on_a_cpu
    assert choose_engine(source, gpu=gpu) is EngineName.TRANSFORMERS
