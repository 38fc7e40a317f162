"""Names of the operations a reward program may use, without torch. `ops.py` says which are excluded and why."""

from __future__ import annotations

ARITHMETIC = """
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
COMPARISON = """
eq.Tensor eq.Scalar ne.Tensor ne.Scalar lt.Tensor lt.Scalar le.Tensor le.Scalar gt.Tensor gt.Scalar ge.Tensor ge.Scalar
logical_and.default logical_or.default logical_not.default logical_xor.default bitwise_and.Tensor bitwise_or.Tensor
bitwise_xor.Tensor bitwise_not.default bitwise_and.Scalar bitwise_or.Scalar bitwise_xor.Scalar
isnan.default isinf.default isfinite.default
"""
REDUCTION = """
sum.default sum.dim_IntList mean.default mean.dim prod.default prod.dim_int amax.default amin.default
max.dim min.dim max.default min.default argmax.default argmin.default any.default any.dim any.dims
all.default all.dim all.dims var.correction std.correction var_mean.correction linalg_vector_norm.default
norm.ScalarOpt_dim norm.Scalar cumsum.default cumprod.default logsumexp.default _softmax.default _log_softmax.default
sort.default topk.default median.dim kthvalue.default cummax.default cummin.default
"""
PRODUCT = "mm.default bmm.default addmm.default dot.default mv.default linalg_cross.default _cdist_forward.default"
SHAPE = """
view.default reshape.default _unsafe_view.default unsqueeze.default squeeze.dim squeeze.dims squeeze.default
permute.default t.default transpose.int expand.default select.int slice.Tensor cat.default stack.default
repeat.default flip.default roll.default unbind.int split.Tensor split_with_sizes.default select_scatter.default
slice_scatter.default diagonal.default alias.default copy.default clone.default detach.default
lift_fresh_copy.default _to_copy.default tril.default triu.default constant_pad_nd.default
"""
CREATION = """
full.default full_like.default zeros.default zeros_like.default ones.default ones_like.default new_full.default
new_zeros.default new_ones.default scalar_tensor.default arange.default arange.start arange.start_step
linspace.default eye.default masked_fill.Scalar masked_fill.Tensor
"""
INDEX = (
    "index.Tensor index_put.default index_select.default gather.default scatter.value scatter.src scatter_add.default "
    "index_add.default"
)
SEARCH = "bucketize.Tensor searchsorted.Tensor"

NAMES = tuple(" ".join((ARITHMETIC, COMPARISON, REDUCTION, PRODUCT, SHAPE, CREATION, INDEX, SEARCH)).split())
"""All of them, such as `add.Tensor`; each is a function of torch.ops.aten, where this version of torch has it."""

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
TEXTS = ("floor", "trunc", "left", "right", "none", "tanh")
"""Allowed values of `rounding_mode`, `side` and `approximate`."""
CREATES = frozenset(
    f"aten.{name}"
    for name in NAMES
    if name.split(".")[0] in ("full", "zeros", "ones", "scalar_tensor", "arange", "linspace", "eye")
)
"""Operations that create a tensor; the host sets its device."""
INDEXED = frozenset(f"aten.{name}" for name in INDEX.split())
"""Operations with an index tensor; an index out of range would end a CUDA process."""
