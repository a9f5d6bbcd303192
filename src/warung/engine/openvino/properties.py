"""How OpenVINO computes, for every pipeline of this engine."""

# Exactness before speed (docs/decisions/0004): with a u8 cache, bf16 arithmetic or activations quantised by
# batch, a greedy answer would depend on what runs beside it and on where it was cut and continued.
PROPERTIES = {
    "KV_CACHE_PRECISION": "f16",
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
