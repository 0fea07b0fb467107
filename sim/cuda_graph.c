/* cuda_graph.c - graphs, as far as memory goes: nodes are counted, not kept in order; no node runs anything.
 *
 * A graph's allocations get their addresses when they are made, and memory when the graph is launched: the driver then reserves what
 * the graph's nodes need together, for the device, and keeps it until cuDeviceGraphMemTrim. A stream that records (capture) into a graph
 * makes its pool allocations into nodes of it. */
#include "sim/cuda_int.h"

#include <stdlib.h>

struct node { uint64_t handle; struct sim_graph *graph; int type; uint64_t addr, bytes; CUdevice dev; struct node *next; };
struct sim_graph { uint64_t handle; struct node *nodes; size_t n; };
struct exec { uint64_t handle; uint64_t need[BT_SIM_MAX_GPUS]; };
struct mem { uint64_t used, used_high, reserved, reserved_high; };
static struct mem device_mem[BT_SIM_MAX_GPUS];

enum { NODE_KERNEL = 0, NODE_MEMCPY = 1, NODE_MEMSET = 2, NODE_HOST = 3, NODE_EMPTY = 5, NODE_ALLOC = 10, NODE_FREE = 11 };

static struct sim_graph *graph_get(CUgraph g)
{
    return sim_handle_get(SIM_GRAPH, (uint64_t)(uintptr_t)g);
}

static struct node *node_new(struct sim_graph *g, int type)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n || !(n->handle = sim_handle_new(SIM_NODE, n))) {
        free(n);
        return NULL;
    }
    n->graph = g;
    n->type = type;
    n->next = g->nodes;
    g->nodes = n;
    g->n++;
    return n;
}

static CUresult graph_new(struct sim_graph **out)
{
    struct sim_graph *g = calloc(1, sizeof *g);
    if (!g || !(g->handle = sim_handle_new(SIM_GRAPH, g))) {
        free(g);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *out = g;
    return CUDA_SUCCESS;
}

static void graph_free(struct sim_graph *g)
{
    for (struct node *n = g->nodes, *next; n; n = next) {
        next = n->next;
        sim_handle_drop(n->handle);
        free(n);
    }
    sim_handle_drop(g->handle);
    free(g);
}

CUresult cuGraphCreate(CUgraph *graph, unsigned flags)
{
    SIM_ENTER();
    struct sim_graph *g;
    if (!graph || flags)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = graph_new(&g);
    if (rc == CUDA_SUCCESS)
        *graph = (CUgraph)(uintptr_t)g->handle;
    return rc;
}

CUresult cuGraphDestroy(CUgraph graph)
{
    SIM_ENTER();
    struct sim_graph *g = graph_get(graph);
    if (!g)
        return CUDA_ERROR_INVALID_VALUE;
    graph_free(g);
    return CUDA_SUCCESS;
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *n)
{
    SIM_ENTER();
    struct sim_graph *g = graph_get(graph);
    if (!g || !n)
        return CUDA_ERROR_INVALID_VALUE;
    size_t i = 0;
    for (const struct node *at = g->nodes; nodes && at && i < *n; at = at->next)
        nodes[i++] = (CUgraphNode)(uintptr_t)at->handle;
    *n = nodes ? i : g->n;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetType(CUgraphNode node, int *type)
{
    SIM_ENTER();
    struct node *n = sim_handle_get(SIM_NODE, (uint64_t)(uintptr_t)node);
    if (!n || !type)
        return CUDA_ERROR_INVALID_VALUE;
    *type = n->type;
    return CUDA_SUCCESS;
}

/* ---- nodes ---- */

CUresult sim_graph_alloc(struct sim_graph *g, CUdevice dev, uint64_t bytes, uint64_t *addr)
{
    unsigned va_class;
    struct node *n = node_new(g, NODE_ALLOC);
    uint64_t at = n ? sim_va_take(bytes, 0, &va_class) : 0;
    struct sim_mem *m = at ? sim_mem_new(SIM_MEM_GRAPH, at, bytes, dev, NULL) : NULL;
    if (!m) {
        if (at)
            sim_va_give(at, va_class);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m->va_class = va_class;                  /* the address lives until somebody frees it */
    n->addr = *addr = at;
    n->bytes = bytes;
    n->dev = dev;
    return CUDA_SUCCESS;
}

CUresult sim_graph_free(struct sim_graph *g, uint64_t addr)
{
    struct node *n = node_new(g, NODE_FREE);
    if (!n)
        return CUDA_ERROR_OUT_OF_MEMORY;
    n->addr = addr;
    return CUDA_SUCCESS;
}

static CUresult add(CUgraphNode *out, CUgraph graph, int type, struct node **made)
{
    struct sim_graph *g = graph_get(graph);
    struct node *n = out && g ? node_new(g, type) : NULL;
    if (!n)
        return out && g ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_VALUE;
    *out = (CUgraphNode)(uintptr_t)n->handle;
    if (made)
        *made = n;
    return CUDA_SUCCESS;
}

CUresult cuGraphAddMemAllocNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter, CUDA_MEM_ALLOC_NODE_PARAMS *params)
{
    SIM_ENTER();
    struct sim_graph *g = graph_get(graph);
    uint64_t addr;
    (void)after, (void)nafter;
    if (!node || !g || !params || !params->bytesize || params->poolProps.location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
        !sim_dev_ok(params->poolProps.location.id))
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = sim_graph_alloc(g, params->poolProps.location.id, params->bytesize, &addr);
    if (rc != CUDA_SUCCESS)
        return rc;
    params->dptr = addr;
    *node = (CUgraphNode)(uintptr_t)g->nodes->handle;
    return CUDA_SUCCESS;
}

CUresult cuGraphAddMemFreeNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter, CUdeviceptr ptr)
{
    SIM_ENTER();
    struct node *n;
    (void)after, (void)nafter;
    CUresult rc = add(node, graph, NODE_FREE, &n);
    if (rc == CUDA_SUCCESS)
        n->addr = ptr;
    return rc;
}

CUresult cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter)
{
    SIM_ENTER();
    (void)after, (void)nafter;
    return add(node, graph, NODE_EMPTY, NULL);
}

CUresult cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter, const void *params)
{
    SIM_ENTER();
    (void)after, (void)nafter;
    return params ? add(node, graph, NODE_KERNEL, NULL) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphAddHostNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter, const void *params)
{
    SIM_ENTER();
    (void)after, (void)nafter;
    return params ? add(node, graph, NODE_HOST, NULL) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter, const void *params, CUcontext ctx)
{
    SIM_ENTER();
    (void)after, (void)nafter, (void)ctx;
    return params ? add(node, graph, NODE_MEMCPY, NULL) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t nafter, const void *params, CUcontext ctx)
{
    SIM_ENTER();
    (void)after, (void)nafter, (void)ctx;
    return params ? add(node, graph, NODE_MEMSET, NULL) : CUDA_ERROR_INVALID_VALUE;
}

/* ---- executables ---- */

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags)
{
    SIM_ENTER();
    struct sim_graph *g = graph_get(graph);
    (void)flags;
    if (!exec || !g)
        return CUDA_ERROR_INVALID_VALUE;
    struct exec *e = calloc(1, sizeof *e);
    if (!e || !(e->handle = sim_handle_new(SIM_EXEC, e))) {
        free(e);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    for (const struct node *n = g->nodes; n; n = n->next)
        if (n->type == NODE_ALLOC)
            e->need[n->dev] += sim_round_up(n->bytes, BT_SIM_GRANULE);
    *exec = (CUgraphExec)(uintptr_t)e->handle;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithParams(CUgraphExec *exec, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    if (!params)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = cuGraphInstantiateWithFlags(exec, graph, params->flags);
    params->result_out = rc != CUDA_SUCCESS;
    return rc;
}

CUresult cuGraphInstantiateWithParams_ptsz(CUgraphExec *exec, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    return cuGraphInstantiateWithParams(exec, graph, params);
}

CUresult cuGraphInstantiate_v2(CUgraphExec *exec, CUgraph graph, CUgraphNode *bad, char *log, size_t nlog)
{
    (void)bad;
    if (log && nlog)
        *log = 0;
    return cuGraphInstantiateWithFlags(exec, graph, 0);
}

/* Graphs launched one after the other share what is reserved: the largest need counts. */
static CUresult reserve(const struct exec *e)
{
    for (int d = 0; d < sim.ndev; d++) {
        struct mem *m = &device_mem[d];
        if (e->need[d] > m->reserved) {
            CUresult rc = sim_charge(d, BT_SIM_MEMORY, e->need[d] - m->reserved);
            if (rc != CUDA_SUCCESS)
                return rc;
            m->reserved = e->need[d];
        }
        m->used = e->need[d];
        m->used_high = m->used > m->used_high ? m->used : m->used_high;
        m->reserved_high = m->reserved > m->reserved_high ? m->reserved : m->reserved_high;
    }
    return CUDA_SUCCESS;
}

static CUresult start(CUgraphExec exec, CUstream stream)
{
    struct sim_ctx *ctx;
    struct exec *e = sim_handle_get(SIM_EXEC, (uint64_t)(uintptr_t)exec);
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    return e ? reserve(e) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphUpload(CUgraphExec exec, CUstream stream)
{
    SIM_ENTER();
    return start(exec, stream);
}

CUresult cuGraphUpload_ptsz(CUgraphExec exec, CUstream stream)
{
    return cuGraphUpload(exec, stream);
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    SIM_ENTER();
    return start(exec, stream);
}

CUresult cuGraphLaunch_ptsz(CUgraphExec exec, CUstream stream)
{
    return cuGraphLaunch(exec, stream);
}

CUresult cuGraphExecDestroy(CUgraphExec exec)
{
    SIM_ENTER();
    struct exec *e = sim_handle_get(SIM_EXEC, (uint64_t)(uintptr_t)exec);
    if (!e)
        return CUDA_ERROR_INVALID_VALUE;
    for (int d = 0; d < sim.ndev; d++)
        if (e->need[d] && device_mem[d].used == e->need[d])
            device_mem[d].used = 0;          /* reserved still: cuDeviceGraphMemTrim */
    sim_handle_drop(e->handle);
    free(e);
    return CUDA_SUCCESS;
}

/* ---- the device's memory for graphs ---- */

CUresult cuDeviceGraphMemTrim(CUdevice dev)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    struct mem *m = &device_mem[dev];
    sim_uncharge(dev, BT_SIM_MEMORY, m->reserved - m->used);
    m->reserved = m->used;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetGraphMemAttribute(CUdevice dev, int attribute, void *value)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    if (!value || attribute < 0 || attribute > 3)
        return CUDA_ERROR_INVALID_VALUE;
    const struct mem *m = &device_mem[dev];
    *(uint64_t *)value = attribute == 0 ? m->used : attribute == 1 ? m->used_high : attribute == 2 ? m->reserved : m->reserved_high;
    return CUDA_SUCCESS;
}

/* A high-water mark can only be started again. */
CUresult cuDeviceSetGraphMemAttribute(CUdevice dev, int attribute, void *value)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    if (!value || *(uint64_t *)value != 0 || (attribute != 1 && attribute != 3))
        return CUDA_ERROR_INVALID_VALUE;
    struct mem *m = &device_mem[dev];
    *(attribute == 1 ? &m->used_high : &m->reserved_high) = attribute == 1 ? m->used : m->reserved;
    return CUDA_SUCCESS;
}

/* ---- capture: one stream at a time, of the whole process ---- */

static struct { CUstream stream; struct sim_graph *graph; } capture;

struct sim_graph *sim_stream_capture(CUstream stream)
{
    return capture.graph && capture.stream == stream ? capture.graph : NULL;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, int mode)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (mode < 0 || mode > 2)
        return CUDA_ERROR_INVALID_VALUE;
    if (!stream || stream == CU_STREAM_LEGACY)
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (capture.graph)
        return CUDA_ERROR_ILLEGAL_STATE;
    rc = graph_new(&capture.graph);
    capture.stream = stream;
    return rc;
}

CUresult cuStreamBeginCapture_v2_ptsz(CUstream stream, int mode)
{
    return cuStreamBeginCapture_v2(stream, mode);
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    SIM_ENTER();
    struct sim_graph *g = sim_stream_capture(stream);
    if (!graph)
        return CUDA_ERROR_INVALID_VALUE;
    if (!g)
        return CUDA_ERROR_ILLEGAL_STATE;
    *graph = (CUgraph)(uintptr_t)g->handle;
    capture.graph = NULL;
    return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture_ptsz(CUstream stream, CUgraph *graph)
{
    return cuStreamEndCapture(stream, graph);
}

CUresult cuStreamIsCapturing(CUstream stream, int *status)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!status)
        return CUDA_ERROR_INVALID_VALUE;
    *status = sim_stream_capture(stream) != NULL;
    return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing_ptsz(CUstream stream, int *status)
{
    return cuStreamIsCapturing(stream, status);
}

/* A capture ends with an explicit end here, whoever calls what meanwhile: the mode is remembered, and makes no difference. */
CUresult cuThreadExchangeStreamCaptureMode(int *mode)
{
    static __thread int of_thread;
    SIM_ENTER();
    if (!mode || *mode < 0 || *mode > 2)
        return CUDA_ERROR_INVALID_VALUE;
    int before = of_thread;
    of_thread = *mode;
    *mode = before;
    return CUDA_SUCCESS;
}
