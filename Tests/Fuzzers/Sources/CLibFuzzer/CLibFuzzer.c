#include "CLibFuzzer.h"

// What libFuzzer's own `main` would call; ours names a callback.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)data;
    (void)size;
    return 0;
}
