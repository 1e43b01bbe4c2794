// all.cu is the module: every family in one translation unit, for one precision.
#include "pointwise.cu"
#include "structure.cu"
#include "network.cu"
#include "conv.cu"
#if !defined(__CUDACC__) && defined(SINGLE) // on a GPU a module of its own
#include "conv_tf32.cu"
#endif
#include "fourier.cu"
#include "farfield.cu"
#include "group.cu"
#include "losses.cu"
#include "update.cu"
