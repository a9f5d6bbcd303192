"""How OpenVINO computes, for every pipeline of this engine."""

_GROUP_SIZE = "DYNAMIC_QUANTIZATION_GROUP_SIZE"

# Exactness before speed (docs/decisions/0004): with a u8 cache, bf16 arithmetic or quantised activations, a
# greedy answer would depend on what runs beside it and on where it was cut and continued.
PROPERTIES = {"KV_CACHE_PRECISION": "f16", "INFERENCE_PRECISION_HINT": "f32", _GROUP_SIZE: "0"}

# What the operator may choose instead (docs/decisions/0012). Groups of 32 are what the weights are made of.
QUICK_PROPERTIES = {**PROPERTIES, _GROUP_SIZE: "32"}
