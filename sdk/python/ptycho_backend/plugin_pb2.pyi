from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DTYPE_INVALID: _ClassVar[DType]
    DTYPE_FLOAT32: _ClassVar[DType]
    DTYPE_FLOAT64: _ClassVar[DType]
    DTYPE_COMPLEX64: _ClassVar[DType]
    DTYPE_COMPLEX128: _ClassVar[DType]
    DTYPE_INT32: _ClassVar[DType]
    DTYPE_INT64: _ClassVar[DType]
    DTYPE_UINT8: _ClassVar[DType]
    DTYPE_UINT16: _ClassVar[DType]

class ErrorKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_KIND_INTERNAL: _ClassVar[ErrorKind]
    ERROR_KIND_INVALID: _ClassVar[ErrorKind]
    ERROR_KIND_NOT_FOUND: _ClassVar[ErrorKind]
    ERROR_KIND_UNSUPPORTED: _ClassVar[ErrorKind]
    ERROR_KIND_UNAVAILABLE: _ClassVar[ErrorKind]
    ERROR_KIND_EXHAUSTED: _ClassVar[ErrorKind]
    ERROR_KIND_NUMERIC: _ClassVar[ErrorKind]
    ERROR_KIND_CANCELLED: _ClassVar[ErrorKind]
    ERROR_KIND_CRASHED: _ClassVar[ErrorKind]

class Gathering(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATHERING_INVALID: _ClassVar[Gathering]
    GATHERING_WHOLE: _ClassVar[Gathering]
    GATHERING_PER_PATTERN: _ClassVar[Gathering]
    GATHERING_INDEXED: _ClassVar[Gathering]
DTYPE_INVALID: DType
DTYPE_FLOAT32: DType
DTYPE_FLOAT64: DType
DTYPE_COMPLEX64: DType
DTYPE_COMPLEX128: DType
DTYPE_INT32: DType
DTYPE_INT64: DType
DTYPE_UINT8: DType
DTYPE_UINT16: DType
ERROR_KIND_INTERNAL: ErrorKind
ERROR_KIND_INVALID: ErrorKind
ERROR_KIND_NOT_FOUND: ErrorKind
ERROR_KIND_UNSUPPORTED: ErrorKind
ERROR_KIND_UNAVAILABLE: ErrorKind
ERROR_KIND_EXHAUSTED: ErrorKind
ERROR_KIND_NUMERIC: ErrorKind
ERROR_KIND_CANCELLED: ErrorKind
ERROR_KIND_CRASHED: ErrorKind
GATHERING_INVALID: Gathering
GATHERING_WHOLE: Gathering
GATHERING_PER_PATTERN: Gathering
GATHERING_INDEXED: Gathering

class Tensor(_message.Message):
    __slots__ = ("dtype", "shape", "data")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    dtype: DType
    shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    def __init__(self, dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class NamedTensor(_message.Message):
    __slots__ = ("name", "tensor")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    tensor: Tensor
    def __init__(self, name: _Optional[str] = ..., tensor: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...

class ErrorDetail(_message.Message):
    __slots__ = ("kind", "op", "what")
    KIND_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    kind: ErrorKind
    op: str
    what: str
    def __init__(self, kind: _Optional[_Union[ErrorKind, str]] = ..., op: _Optional[str] = ..., what: _Optional[str] = ...) -> None: ...

class InfoRequest(_message.Message):
    __slots__ = ("protocol_major", "protocol_minor")
    PROTOCOL_MAJOR_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MINOR_FIELD_NUMBER: _ClassVar[int]
    protocol_major: int
    protocol_minor: int
    def __init__(self, protocol_major: _Optional[int] = ..., protocol_minor: _Optional[int] = ...) -> None: ...

class InfoResponse(_message.Message):
    __slots__ = ("name", "version", "engine", "protocol_major", "protocol_minor", "capabilities", "dtypes", "operations")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MAJOR_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MINOR_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    DTYPES_FIELD_NUMBER: _ClassVar[int]
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    engine: str
    protocol_major: int
    protocol_minor: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    dtypes: _containers.RepeatedScalarFieldContainer[DType]
    operations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., engine: _Optional[str] = ..., protocol_major: _Optional[int] = ..., protocol_minor: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ..., dtypes: _Optional[_Iterable[_Union[DType, str]]] = ..., operations: _Optional[_Iterable[str]] = ...) -> None: ...

class DevicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DevicesResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    def __init__(self, devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("id", "name", "usable", "reason", "memory", "cores")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    usable: bool
    reason: str
    memory: int
    cores: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., usable: bool = ..., reason: _Optional[str] = ..., memory: _Optional[int] = ..., cores: _Optional[int] = ...) -> None: ...

class OpenRequest(_message.Message):
    __slots__ = ("head", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: OpenHead
    chunk: bytes
    def __init__(self, head: _Optional[_Union[OpenHead, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class OpenHead(_message.Message):
    __slots__ = ("program", "devices", "dtype", "threads", "workers", "prefetch", "memory_limit", "tf32", "deterministic", "train", "persistent", "pin_memory", "strategy")
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    PREFETCH_FIELD_NUMBER: _ClassVar[int]
    MEMORY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TF32_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_FIELD_NUMBER: _ClassVar[int]
    PIN_MEMORY_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    program: Tensor
    devices: _containers.RepeatedScalarFieldContainer[str]
    dtype: DType
    threads: int
    workers: int
    prefetch: int
    memory_limit: int
    tf32: bool
    deterministic: bool
    train: bool
    persistent: bool
    pin_memory: bool
    strategy: str
    def __init__(self, program: _Optional[_Union[Tensor, _Mapping]] = ..., devices: _Optional[_Iterable[str]] = ..., dtype: _Optional[_Union[DType, str]] = ..., threads: _Optional[int] = ..., workers: _Optional[int] = ..., prefetch: _Optional[int] = ..., memory_limit: _Optional[int] = ..., tf32: bool = ..., deterministic: bool = ..., train: bool = ..., persistent: bool = ..., pin_memory: bool = ..., strategy: _Optional[str] = ...) -> None: ...

class OpenResponse(_message.Message):
    __slots__ = ("event", "opened", "chunk")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    event: Event
    opened: Opened
    chunk: bytes
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ..., opened: _Optional[_Union[Opened, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("phase", "message", "done", "total", "seconds")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    phase: str
    message: str
    done: int
    total: int
    seconds: float
    def __init__(self, phase: _Optional[str] = ..., message: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("session", "params", "inspects")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    INSPECTS_FIELD_NUMBER: _ClassVar[int]
    session: int
    params: Tensor
    inspects: bool
    def __init__(self, session: _Optional[int] = ..., params: _Optional[_Union[Tensor, _Mapping]] = ..., inspects: bool = ...) -> None: ...

class SetStateRequest(_message.Message):
    __slots__ = ("head", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: StateHead
    chunk: bytes
    def __init__(self, head: _Optional[_Union[StateHead, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class SetStateResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StateRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: int
    def __init__(self, session: _Optional[int] = ...) -> None: ...

class StateResponse(_message.Message):
    __slots__ = ("head", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: StateHead
    chunk: bytes
    def __init__(self, head: _Optional[_Union[StateHead, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class StateHead(_message.Message):
    __slots__ = ("session", "step", "slots")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    session: int
    step: int
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    def __init__(self, session: _Optional[int] = ..., step: _Optional[int] = ..., slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("name", "tensors")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    name: str
    tensors: _containers.RepeatedCompositeFieldContainer[NamedTensor]
    def __init__(self, name: _Optional[str] = ..., tensors: _Optional[_Iterable[_Union[NamedTensor, _Mapping]]] = ...) -> None: ...

class BindRequest(_message.Message):
    __slots__ = ("head", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: BindHead
    chunk: bytes
    def __init__(self, head: _Optional[_Union[BindHead, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class BindHead(_message.Message):
    __slots__ = ("session", "patterns", "arrays")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    ARRAYS_FIELD_NUMBER: _ClassVar[int]
    session: int
    patterns: int
    arrays: _containers.RepeatedCompositeFieldContainer[Array]
    def __init__(self, session: _Optional[int] = ..., patterns: _Optional[int] = ..., arrays: _Optional[_Iterable[_Union[Array, _Mapping]]] = ...) -> None: ...

class Array(_message.Message):
    __slots__ = ("input", "gather", "index", "value", "file")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    GATHER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    input: str
    gather: Gathering
    index: Tensor
    value: Tensor
    file: FileRef
    def __init__(self, input: _Optional[str] = ..., gather: _Optional[_Union[Gathering, str]] = ..., index: _Optional[_Union[Tensor, _Mapping]] = ..., value: _Optional[_Union[Tensor, _Mapping]] = ..., file: _Optional[_Union[FileRef, _Mapping]] = ...) -> None: ...

class FileRef(_message.Message):
    __slots__ = ("path", "offset", "dtype", "shape", "strides")
    PATH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    STRIDES_FIELD_NUMBER: _ClassVar[int]
    path: str
    offset: int
    dtype: DType
    shape: _containers.RepeatedScalarFieldContainer[int]
    strides: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, path: _Optional[str] = ..., offset: _Optional[int] = ..., dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., strides: _Optional[_Iterable[int]] = ...) -> None: ...

class BindResponse(_message.Message):
    __slots__ = ("dataset",)
    DATASET_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    def __init__(self, dataset: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("rows", "offsets", "weights", "extra")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    rows: Tensor
    offsets: Tensor
    weights: Tensor
    extra: _containers.RepeatedCompositeFieldContainer[NamedTensor]
    def __init__(self, rows: _Optional[_Union[Tensor, _Mapping]] = ..., offsets: _Optional[_Union[Tensor, _Mapping]] = ..., weights: _Optional[_Union[Tensor, _Mapping]] = ..., extra: _Optional[_Iterable[_Union[NamedTensor, _Mapping]]] = ...) -> None: ...

class StepRequest(_message.Message):
    __slots__ = ("head", "step", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: StepHead
    step: OptimiserStep
    chunk: bytes
    def __init__(self, head: _Optional[_Union[StepHead, _Mapping]] = ..., step: _Optional[_Union[OptimiserStep, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class StepHead(_message.Message):
    __slots__ = ("session", "dataset", "optimiser", "clip", "clip_limit", "ema_decay", "loss_weights")
    class LossWeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    OPTIMISER_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    CLIP_LIMIT_FIELD_NUMBER: _ClassVar[int]
    EMA_DECAY_FIELD_NUMBER: _ClassVar[int]
    LOSS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    session: int
    dataset: str
    optimiser: Optimiser
    clip: str
    clip_limit: float
    ema_decay: float
    loss_weights: _containers.ScalarMap[str, float]
    def __init__(self, session: _Optional[int] = ..., dataset: _Optional[str] = ..., optimiser: _Optional[_Union[Optimiser, _Mapping]] = ..., clip: _Optional[str] = ..., clip_limit: _Optional[float] = ..., ema_decay: _Optional[float] = ..., loss_weights: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Optimiser(_message.Message):
    __slots__ = ("kind", "beta1", "beta2", "epsilon", "momentum", "nesterov", "weight_decay")
    KIND_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    NESTEROV_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    kind: str
    beta1: float
    beta2: float
    epsilon: float
    momentum: float
    nesterov: bool
    weight_decay: float
    def __init__(self, kind: _Optional[str] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., epsilon: _Optional[float] = ..., momentum: _Optional[float] = ..., nesterov: bool = ..., weight_decay: _Optional[float] = ...) -> None: ...

class OptimiserStep(_message.Message):
    __slots__ = ("number", "batches", "learning_rates")
    class LearningRatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATES_FIELD_NUMBER: _ClassVar[int]
    number: int
    batches: _containers.RepeatedCompositeFieldContainer[Batch]
    learning_rates: _containers.ScalarMap[str, float]
    def __init__(self, number: _Optional[int] = ..., batches: _Optional[_Iterable[_Union[Batch, _Mapping]]] = ..., learning_rates: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Sum(_message.Message):
    __slots__ = ("sum", "count")
    SUM_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    sum: float
    count: float
    def __init__(self, sum: _Optional[float] = ..., count: _Optional[float] = ...) -> None: ...

class StepResponse(_message.Message):
    __slots__ = ("number", "loss", "scalars", "grad_norm", "clipped", "patterns", "waited")
    class ScalarsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Sum
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Sum, _Mapping]] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    SCALARS_FIELD_NUMBER: _ClassVar[int]
    GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    CLIPPED_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    WAITED_FIELD_NUMBER: _ClassVar[int]
    number: int
    loss: float
    scalars: _containers.MessageMap[str, Sum]
    grad_norm: float
    clipped: bool
    patterns: int
    waited: float
    def __init__(self, number: _Optional[int] = ..., loss: _Optional[float] = ..., scalars: _Optional[_Mapping[str, Sum]] = ..., grad_norm: _Optional[float] = ..., clipped: bool = ..., patterns: _Optional[int] = ..., waited: _Optional[float] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("head", "batch", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: EvaluateHead
    batch: Batch
    chunk: bytes
    def __init__(self, head: _Optional[_Union[EvaluateHead, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class EvaluateHead(_message.Message):
    __slots__ = ("session", "dataset", "ema")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    EMA_FIELD_NUMBER: _ClassVar[int]
    session: int
    dataset: str
    ema: bool
    def __init__(self, session: _Optional[int] = ..., dataset: _Optional[str] = ..., ema: bool = ...) -> None: ...

class EvaluateResult(_message.Message):
    __slots__ = ("batch", "scalars")
    class ScalarsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Sum
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Sum, _Mapping]] = ...) -> None: ...
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SCALARS_FIELD_NUMBER: _ClassVar[int]
    batch: int
    scalars: _containers.MessageMap[str, Sum]
    def __init__(self, batch: _Optional[int] = ..., scalars: _Optional[_Mapping[str, Sum]] = ...) -> None: ...

class ReconstructRequest(_message.Message):
    __slots__ = ("head", "batch", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: ReconstructHead
    batch: Batch
    chunk: bytes
    def __init__(self, head: _Optional[_Union[ReconstructHead, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class ReconstructHead(_message.Message):
    __slots__ = ("session", "dataset", "ema")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    EMA_FIELD_NUMBER: _ClassVar[int]
    session: int
    dataset: str
    ema: bool
    def __init__(self, session: _Optional[int] = ..., dataset: _Optional[str] = ..., ema: bool = ...) -> None: ...

class ReconstructResponse(_message.Message):
    __slots__ = ("patches", "chunk")
    PATCHES_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    patches: Patches
    chunk: bytes
    def __init__(self, patches: _Optional[_Union[Patches, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class Patches(_message.Message):
    __slots__ = ("batch", "data")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    batch: int
    data: Tensor
    def __init__(self, batch: _Optional[int] = ..., data: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...

class InspectRequest(_message.Message):
    __slots__ = ("head", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: InspectHead
    chunk: bytes
    def __init__(self, head: _Optional[_Union[InspectHead, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class InspectHead(_message.Message):
    __slots__ = ("session", "dataset", "batch", "loss_weights", "names")
    class LossWeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    LOSS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    session: int
    dataset: str
    batch: Batch
    loss_weights: _containers.ScalarMap[str, float]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, session: _Optional[int] = ..., dataset: _Optional[str] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., loss_weights: _Optional[_Mapping[str, float]] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class InspectResponse(_message.Message):
    __slots__ = ("inspected", "chunk")
    INSPECTED_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    inspected: Inspected
    chunk: bytes
    def __init__(self, inspected: _Optional[_Union[Inspected, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class Inspected(_message.Message):
    __slots__ = ("loss", "scalars", "tensors")
    class ScalarsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Sum
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Sum, _Mapping]] = ...) -> None: ...
    LOSS_FIELD_NUMBER: _ClassVar[int]
    SCALARS_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    loss: float
    scalars: _containers.MessageMap[str, Sum]
    tensors: _containers.RepeatedCompositeFieldContainer[NamedTensor]
    def __init__(self, loss: _Optional[float] = ..., scalars: _Optional[_Mapping[str, Sum]] = ..., tensors: _Optional[_Iterable[_Union[NamedTensor, _Mapping]]] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: int
    def __init__(self, session: _Optional[int] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: int
    def __init__(self, session: _Optional[int] = ...) -> None: ...

class CloseSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EventsRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: int
    def __init__(self, session: _Optional[int] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
