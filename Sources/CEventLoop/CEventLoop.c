#include "CEventLoop.h"

#include <sys/prctl.h>

void eventloop_set_thread_name(const char *name)
{
    prctl(PR_SET_NAME, name);
}
