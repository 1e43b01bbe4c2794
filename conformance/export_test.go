package conformance

// ParityOf compares backends by a network, which a test makes small.
var ParityOf = parity
