#ifndef C_ALLOCATION_COUNTER_H
#define C_ALLOCATION_COUNTER_H

#include <stdint.h>

// Counts what the calling thread allocates, whoever asks for it: every allocation function of the C library is
// replaced in the program that this is linked into, the Swift runtime's calls included.

/// Calls of an allocation function on this thread so far.
uint64_t allocation_count(void);

/// The next allocation on this thread prints who made it to standard error. Once.
void allocation_trace_next(void);

/// Takes `allocation_trace_next` back.
void allocation_trace_none(void);

#endif
