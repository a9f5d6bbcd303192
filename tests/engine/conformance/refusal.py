"""Every feature is there or refused by name."""

import pytest

from engine.conformance.shapes import SCHEMA, TOOLS
from engine.conformance.subject import Subject, answer, ask
from warung.engine.constraint import JsonSchema, Regex, ToolCalls
from warung.engine.features import ALL_FEATURES, Feature
from warung.errors import InvalidInput

WANTING = {
    Feature.TOP_K: lambda: ask("Hi", 2, top_k=5),
    Feature.MIN_P: lambda: ask("Hi", 2, min_p=0.1),
    Feature.PRESENCE_PENALTY: lambda: ask("Hi", 2, presence_penalty=1),
    Feature.FREQUENCY_PENALTY: lambda: ask("Hi", 2, frequency_penalty=1),
    Feature.REPETITION_PENALTY: lambda: ask("Hi", 2, repetition_penalty=1.1),
    Feature.LOGIT_BIAS: lambda: ask("Hi", 2, logit_bias={5: 1}),
    Feature.LOGPROBS: lambda: ask("Hi", 2, logprobs=0),
    Feature.TOP_LOGPROBS: lambda: ask("Hi", 2, logprobs=1),
    Feature.JSON: lambda: ask("Hi", 2, constraint=JsonSchema(SCHEMA)),
    Feature.REGEX: lambda: ask("Hi", 2, constraint=Regex("a+")),
    Feature.TOOLS: lambda: ask("Hi", 2, tools=TOOLS, constraint=ToolCalls(TOOLS)),
    Feature.CONTINUATION: lambda: ask("Hi", 2, answer_prefix="Hello"),
}


class RefusalConformance:
    @pytest.mark.parametrize("feature", sorted(ALL_FEATURES))
    async def test_what_it_cannot_do_it_refuses_by_name(self, subject: Subject, feature: Feature) -> None:
        request = WANTING[feature]()
        if feature in subject.engine.features:
            assert (await answer(subject.engine, request)).finish_reason
            return
        with pytest.raises(InvalidInput) as caught:
            await subject.engine.submit(request)
        assert (caught.value.field, caught.value.code) == (feature, "unsupported_field")
        assert subject.engine.state().running == 0
