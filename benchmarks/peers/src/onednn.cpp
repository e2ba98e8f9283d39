// Products by oneDNN with the weights packed beforehand, as a worker. A line "threads type m n k repetitions" is answered
// by operations a second; type is fp32, bf16 or int8 (u8 x s8). Types that this CPU or build lacks are answered by an error.
#include <dnnl.hpp>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <vector>

using namespace dnnl;

static double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double measure(const char *type, long m, long n, long k, int repetitions) {
    using type_of = memory::data_type;
    auto source = type_of::f32, weights = type_of::f32, target = type_of::f32;
    if (!strcmp(type, "bf16")) source = weights = type_of::bf16;
    if (!strcmp(type, "int8")) source = type_of::u8, weights = type_of::s8, target = type_of::s32;
    engine eng(engine::kind::cpu, 0);
    stream s(eng);
    memory::desc a({m, k}, source, memory::format_tag::ab), any({k, n}, weights, memory::format_tag::any), c({m, n}, target, memory::format_tag::ab);
    matmul::primitive_desc pd(matmul::desc(a, any, c), eng);
    memory x(a, eng), w(pd.weights_desc(), eng), y(c, eng);
    memset(x.get_data_handle(), 0, a.get_size());
    memset(w.get_data_handle(), 0, pd.weights_desc().get_size());
    matmul product(pd);
    double begin = 0;
    for (int i = -1; i < repetitions; i++) {
        if (i == 0) begin = now();
        product.execute(s, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
        s.wait();
    }
    return 2.0 * m * n * k * repetitions / (now() - begin);
}

int main() {
    int threads, repetitions;
    long m, n, k;
    char type[8];
    const version_t *v = dnnl_version();
    printf("{\"ready\": true, \"version\": \"%d.%d.%d\"}\n", v->major, v->minor, v->patch);
    fflush(stdout);
    while (scanf("%d %7s %ld %ld %ld %d", &threads, type, &m, &n, &k, &repetitions) == 6) {
        omp_set_num_threads(threads);
        try {
            printf("{\"rate\": %.6g}\n", measure(type, m, n, k, repetitions));
        } catch (const error &e) {
            printf("{\"error\": \"%s\"}\n", e.what());
        }
        fflush(stdout);
    }
}
