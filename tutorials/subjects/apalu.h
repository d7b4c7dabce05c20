/* APALU in C: a * x * (1 + sigma(1.702 x)) for x >= 0, b * (exp(x) - 1) for x < 0, and gradients.
 *
 * The first part is the function itself, for one x: the part to copy into code of your own. The
 * second applies it to arrays whose shapes broadcast, and sums each gradient back to the shape of
 * its input. apalu.c makes a program of it.
 *
 * Compile without -ffast-math: it drops the tests for NaN and what the sums are corrected by.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double KAPPA = 1.702;

/* sigma(z) and sigma(-z), z = KAPPA x, for x >= 0. One minus sigma(z) would cancel.
 *
 * Beyond 500 nothing changes any more, and without the limit z * sigma(-z) is inf * 0 at last.
 * The comparison is written so that NaN stays NaN. */
static void sigmoids(double x, double *z, double *s, double *c)
{
    *z = KAPPA * (x > 500 ? 500 : x);
    double t = exp(-*z);
    *s = 1 / (1 + t);
    *c = t * *s;
}

static double y_of(double x, double a, double b)
{
    double z, s, c;
    if (x < 0)
        return b * expm1(x); /* exp(x) - 1 cancels near 0 */
    sigmoids(x, &z, &s, &c);
    return a * x * (1 + s); /* a times x first: x (1 + s) may overflow where the whole does not */
}

/* At x = 0 and -0 the slope is the right one, a (1 + 1/2). */
static double dx_of(double x, double a, double b, double gy)
{
    double z, s, c;
    if (x < 0) {
        double root = exp(x / 2); /* e^x may underflow where gy b e^x does not */
        return (gy * root) * (b * root);
    }
    sigmoids(x, &z, &s, &c);
    return gy * a * (1 + s + z * s * c);
}

/* What one element gives to the gradients of a and b. Each has its own half of the axis, and
 * gets 0 from the other, whatever gy is; NaN belongs to both. */
static void dparameters_of(double x, double gy, double *da, double *db)
{
    double z, s, c;
    *da = *db = isnan(x) ? x : 0;
    if (x < 0)
        *db = gy * expm1(x);
    if (x >= 0) {
        sigmoids(x, &z, &s, &c);
        *da = gy * x * (1 + s);
    }
}

/* ---- Arrays ------------------------------------------------------------------------------ */

enum { MOST_AXES = 32 };

typedef struct {
    char name[64], dtype[16];
    int ndim;
    size_t shape[MOST_AXES], size;
    double *values; /* float32 is computed in double and rounded once, when it is written */
    double *lost;   /* for arrays that are sums: what rounding has lost so far */
} Array;

static double *zeros(size_t n)
{
    double *values = calloc(n + 1, sizeof(double)); /* of nothing at all, calloc may give NULL */
    if (values == NULL)
        exit(1);
    return values;
}

/* An array of zeros of the shape and type of another. */
static Array like(const Array *t, const char *name)
{
    Array result = *t;
    strcpy(result.name, name);
    result.values = zeros(t->size);
    result.lost = zeros(t->size);
    return result;
}

static void release(Array *t)
{
    free(t->values);
    free(t->lost);
}

/* The broadcast shape of x, a and b, by NumPy's rules: shapes are aligned at their last axis,
 * and a size of 1, or an axis that is not there, is stretched. Returns 0 if they do not fit. */
static int broadcast(const Array *in[3], Array *y)
{
    *y = *in[0];
    for (int k = 1; k < 3; k++)
        if (in[k]->ndim > y->ndim)
            y->ndim = in[k]->ndim;
    y->size = 1;
    for (int axis = 0; axis < y->ndim; axis++) {
        size_t n = 1;
        for (int k = 0; k < 3; k++) {
            int own = axis - (y->ndim - in[k]->ndim);
            size_t size = own < 0 ? 1 : in[k]->shape[own];
            if (size != 1 && n != 1 && size != n)
                return 0;
            if (size != 1)
                n = size;
        }
        y->shape[axis] = n;
        y->size *= n;
    }
    for (int k = 0; k < 3; k++)
        if (strcmp(in[k]->dtype, "float64") == 0)
            strcpy(y->dtype, "float64");
    return 1;
}

/* How far to go in t for a step along each axis of y: nowhere along one that was stretched. */
static void steps(const Array *t, const Array *y, size_t step[MOST_AXES])
{
    size_t size = 1;
    for (int axis = y->ndim - 1; axis >= 0; axis--) {
        int own = axis - (y->ndim - t->ndim);
        step[axis] = own < 0 || t->shape[own] == 1 ? 0 : size;
        if (own >= 0)
            size *= t->shape[own];
    }
}

/* Neumaier's sum: what an addition rounds away is kept, and added at the end. */
static void add(Array *t, size_t i, double term)
{
    double sum = t->values[i] + term;
    if (fabs(t->values[i]) >= fabs(term))
        t->lost[i] += (t->values[i] - sum) + term;
    else
        t->lost[i] += (term - sum) + t->values[i];
    t->values[i] = sum;
}

static void finish(Array *t)
{
    for (size_t i = 0; i < t->size; i++)
        if (isfinite(t->values[i])) /* otherwise what was lost is inf - inf */
            t->values[i] += t->lost[i];
}

/* out is y, dx, da, db; y has its shape and its values already, all 0. */
static void apalu(const Array *in[3], const Array *gy, Array out[4])
{
    size_t step[3][MOST_AXES], at[3] = {0, 0, 0}, index[MOST_AXES] = {0};
    const char *names[3] = {"dx", "da", "db"};
    Array *y = &out[0];
    for (int k = 0; k < 3; k++) {
        out[k + 1] = like(in[k], names[k]);
        steps(in[k], y, step[k]);
    }
    for (size_t i = 0; i < y->size; i++) {
        double x = in[0]->values[at[0]], a = in[1]->values[at[1]], b = in[2]->values[at[2]];
        double g = gy->values[i], da, db;
        y->values[i] = y_of(x, a, b);
        dparameters_of(x, g, &da, &db);
        add(&out[1], at[0], dx_of(x, a, b, g));
        add(&out[2], at[1], da);
        add(&out[3], at[2], db);
        /* The next element: the last axis is counted up first, with a carry to the left. */
        for (int axis = y->ndim - 1; axis >= 0; axis--) {
            for (int k = 0; k < 3; k++)
                at[k] += step[k][axis];
            if (++index[axis] < y->shape[axis])
                break;
            for (int k = 0; k < 3; k++)
                at[k] -= index[axis] * step[k][axis];
            index[axis] = 0;
        }
    }
    for (int k = 1; k < 4; k++)
        finish(&out[k]);
}
