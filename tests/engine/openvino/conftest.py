from pathlib import Path

import pytest

from engine.openvino.random_model import RandomModel


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> RandomModel:
    folder: Path = tmp_path_factory.mktemp("random-model")
    return RandomModel(folder)
