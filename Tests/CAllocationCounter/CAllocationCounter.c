#include "CAllocationCounter.h"

#include <errno.h>
#include <execinfo.h>
#include <stddef.h>

// The C library's own names for what is replaced here (glibc keeps them for this purpose).
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static __thread uint64_t count;
static __thread int is_tracing;

static void note(void) {
    count++;
    if (!is_tracing) {
        return;
    }
    is_tracing = 0;
    void *frames[32];
    int depth = backtrace(frames, 32);
    backtrace_symbols_fd(frames, depth, 2);
}

uint64_t allocation_count(void) {
    return count;
}

void allocation_trace_next(void) {
    // The first call loads a library, and that allocates.
    void *frame;
    backtrace(&frame, 1);
    is_tracing = 1;
}

void allocation_trace_none(void) {
    is_tracing = 0;
}

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    note();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    note();
    void *result = __libc_memalign(alignment, size);
    if (result == NULL) {
        return ENOMEM;
    }
    *memory = result;
    return 0;
}
