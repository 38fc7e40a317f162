"""The operations a reward program may use: pure, deterministic, static in shape.

Excluded are random operations, uninitialised memory (`empty`, `resize_`), raw strides (`as_strided`), storage (`set_`,
`from_file`), results whose shape depends on values (`nonzero`, `masked_select`), host reads (`_local_scalar_dense`),
complex numbers, and custom operations.
"""

from __future__ import annotations

import re

import torch

_ARITHMETIC = """
abs.default add.Tensor add.Scalar sub.Tensor sub.Scalar rsub.Scalar rsub.Tensor mul.Tensor mul.Scalar
div.Tensor div.Scalar div.Tensor_mode div.Scalar_mode neg.default reciprocal.default
exp.default exp2.default expm1.default log.default log1p.default log2.default log10.default
sqrt.default rsqrt.default square.default sin.default cos.default tan.default asin.default acos.default
atan.default atan2.default sinh.default cosh.default tanh.default asinh.default acosh.default atanh.default
sigmoid.default relu.default leaky_relu.default elu.default gelu.default hardtanh.default erf.default erfc.default
softplus.default sign.default sgn.default floor.default ceil.default round.default round.decimals trunc.default
frac.default pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar fmod.Scalar fmod.Tensor remainder.Scalar
remainder.Tensor remainder.Scalar_Tensor hypot.default floor_divide.default
clamp.default clamp.Tensor clamp_min.default clamp_max.default clamp_min.Tensor clamp_max.Tensor
maximum.default minimum.default fmax.default fmin.default where.self where.ScalarOther where.ScalarSelf where.Scalar
special_erfcx.default special_i0.default special_i0e.default special_i1.default special_i1e.default
special_ndtri.default special_log_ndtr.default special_entr.default xlogy.Tensor special_xlog1py.default
logaddexp.default logaddexp2.default logit.default mish.default silu.default celu.default hardsigmoid.default
hardswish.default softshrink.default threshold.default sinc.default signbit.default
lerp.Scalar lerp.Tensor addcmul.default addcdiv.default nan_to_num.default copysign.Tensor heaviside.default
"""
_COMPARISON = """
eq.Tensor eq.Scalar ne.Tensor ne.Scalar lt.Tensor lt.Scalar le.Tensor le.Scalar gt.Tensor gt.Scalar ge.Tensor ge.Scalar
logical_and.default logical_or.default logical_not.default logical_xor.default bitwise_and.Tensor bitwise_or.Tensor
bitwise_xor.Tensor bitwise_not.default bitwise_and.Scalar bitwise_or.Scalar bitwise_xor.Scalar
isnan.default isinf.default isfinite.default
"""
_REDUCTION = """
sum.default sum.dim_IntList mean.default mean.dim prod.default prod.dim_int amax.default amin.default
max.dim min.dim max.default min.default argmax.default argmin.default any.default any.dim any.dims
all.default all.dim all.dims var.correction std.correction var_mean.correction linalg_vector_norm.default
norm.ScalarOpt_dim norm.Scalar cumsum.default cumprod.default logsumexp.default _softmax.default _log_softmax.default
sort.default topk.default median.dim kthvalue.default cummax.default cummin.default
"""
_PRODUCT = "mm.default bmm.default addmm.default dot.default mv.default linalg_cross.default _cdist_forward.default"
_SHAPE = """
view.default reshape.default _unsafe_view.default unsqueeze.default squeeze.dim squeeze.dims squeeze.default
permute.default t.default transpose.int expand.default select.int slice.Tensor cat.default stack.default
repeat.default flip.default roll.default unbind.int split.Tensor split_with_sizes.default select_scatter.default
slice_scatter.default diagonal.default alias.default copy.default clone.default detach.default
lift_fresh_copy.default _to_copy.default tril.default triu.default constant_pad_nd.default
"""
_CREATION = """
full.default full_like.default zeros.default zeros_like.default ones.default ones_like.default new_full.default
new_zeros.default new_ones.default scalar_tensor.default arange.default arange.start arange.start_step
linspace.default eye.default masked_fill.Scalar masked_fill.Tensor
"""
_INDEX = (
    "index.Tensor index_put.default index_select.default gather.default scatter.value scatter.src scatter_add.default "
    "index_add.default"
)
_SEARCH = "bucketize.Tensor searchsorted.Tensor"

ELEMENTWISE = frozenset(f"aten.{name}" for name in (_ARITHMETIC + _COMPARISON).split())
"""Elementwise operations, with broadcasting."""

CREATES = frozenset(
    f"aten.{n}.{o}"
    for n, o in (
        ("full", "default"),
        ("zeros", "default"),
        ("ones", "default"),
        ("scalar_tensor", "default"),
        ("arange", "default"),
        ("arange", "start"),
        ("arange", "start_step"),
        ("linspace", "default"),
        ("eye", "default"),
    )
)
"""Operations that create a tensor; the host sets its device."""

INDEXED = frozenset(f"aten.{name}" for name in _INDEX.split())
"""Operations with an index tensor; an index out of range would end a CUDA process."""


def _table() -> dict[str, torch._ops.OpOverload]:
    table = {}
    for name in " ".join((_ARITHMETIC, _COMPARISON, _REDUCTION, _PRODUCT, _SHAPE, _CREATION, _INDEX, _SEARCH)).split():
        packet, overload = name.split(".")
        op = getattr(getattr(torch.ops.aten, packet, None), overload, None)
        if op is None:  # this version of torch has no such overload
            continue
        impure = {torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output} & set(op.tags)
        if op._schema.is_mutable or impure:
            raise RuntimeError(f"aten.{name} is not a pure function in torch {torch.__version__}")
        table[f"aten.{name}"] = op
    # Equivalent in a program without writes, and independent of strides, which may differ from those in the trace.
    table["aten.view.default"] = table["aten._unsafe_view.default"] = torch.ops.aten.reshape.default
    return table


ALLOWED = _table()
"""The only functions that a program can call, by name."""

DTYPES = {
    name: getattr(torch, name)
    for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
}
"""Dtypes by their name in the format."""

_HINTS = {
    "rand": "random numbers are not allowed in a reward",
    "bernoulli": "random numbers are not allowed in a reward",
    "normal": "random numbers are not allowed in a reward",
    "nonzero": "selecting worlds by index is not possible; use torch.where(mask, a, b)",
    "masked_select": "selecting worlds by mask changes the size; use torch.where(mask, a, b)",
    "_local_scalar_dense": "a tensor cannot be converted to a Python number; keep the tensor",
    "multinomial": "random numbers are not allowed in a reward",
    "complex": "complex numbers are not allowed in a reward; write out the real and imaginary part",
    "view_as_complex": "complex numbers are not allowed in a reward; write out the real and imaginary part",
    "_unique": "the number of unique values depends on values; compare with torch.where",
    "empty": "torch.empty is uninitialised; use torch.zeros",
}


def why_not(name: str) -> str:
    """The message for an operation that is not in `ALLOWED`."""
    packet = name.removeprefix("aten.").split(".")[0]
    hint = next((text for start, text in _HINTS.items() if packet.startswith(start)), "")
    shown = re.sub(r"[^\w.:]", "?", name[:60].removeprefix("aten.").split(".")[0].strip("_"), flags=re.ASCII)
    return hint or f"the operation {shown} is not allowed in a reward; write it with simple functions of torch"
