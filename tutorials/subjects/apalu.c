/* APALU in C as a program that can be checked, and that checks itself against golden vectors.
 *
 *     cc -O2 -std=c99 -Wall -Wextra -o apalu apalu.c -lm
 *     apalu-ref check --adapter exec ./apalu
 *     ./apalu --vectors FILE.tsv
 *
 * The function is in apalu.h. Here are the two files that a check exchanges with a program (a
 * request to read, an answer to write), and the table of golden vectors.
 */

#include <stdint.h>
#include <stdio.h>

#include "apalu.h"

static void die(const char *message)
{
    fprintf(stderr, "apalu: %s\n", message);
    exit(1);
}

/* ---- Files ------------------------------------------------------------------------------- */

static size_t item_size(const char *dtype)
{
    const char *names[] = {"float64", "int64", "float32", "int32", "float16", "bfloat16"};
    const size_t sizes[] = {8, 8, 4, 4, 2, 2};
    for (int i = 0; i < 6; i++)
        if (strcmp(dtype, names[i]) == 0)
            return sizes[i];
    return 0;
}

/* 1 for float64, 0 for float32, -1 for what is not implemented. */
static int is_wide(const char *dtype)
{
    return strcmp(dtype, "float64") == 0 ? 1 : strcmp(dtype, "float32") == 0 ? 0 : -1;
}

static double from_bits(uint64_t bits, int wide)
{
    uint32_t low = (uint32_t)bits;
    double d;
    float f;
    memcpy(&d, &bits, sizeof d);
    memcpy(&f, &low, sizeof f);
    return wide ? d : f;
}

static uint64_t to_bits(double d, int wide)
{
    float f = (float)d; /* the one rounding of float32 */
    uint64_t bits;
    uint32_t low;
    memcpy(&bits, &d, sizeof bits);
    memcpy(&low, &f, sizeof low);
    return wide ? bits : low;
}

/* A line without its end; 0 at the end of the file. */
static int read_line(FILE *in, char line[1024])
{
    if (fgets(line, 1024, in) == NULL)
        return 0;
    size_t n = strcspn(line, "\n");
    if (line[n] != '\n')
        die("a line of the request is too long or cut off");
    line[n] = '\0';
    return 1;
}

/* "x float64 2 3": a name, a type, sizes. */
static Array declared(char *line)
{
    Array t = {.size = 1};
    const char *name = strtok(line, " "), *dtype = strtok(NULL, " "), *size;
    if (name == NULL || dtype == NULL || strlen(name) >= sizeof t.name || !item_size(dtype))
        die("a line of the request is not 'name dtype sizes ...'");
    strcpy(t.name, name);
    strcpy(t.dtype, dtype);
    while ((size = strtok(NULL, " ")) != NULL) {
        size_t n = (size_t)strtoull(size, NULL, 10);
        if (t.ndim == MOST_AXES || (n > 0 && t.size > SIZE_MAX / 64 / n))
            die("an array of the request is too large");
        t.shape[t.ndim++] = n;
        t.size *= n;
    }
    t.values = zeros(t.size);
    return t;
}

/* Bytes are put together by hand, so that the machine's own order does not matter. */
static void read_values(FILE *in, Array *t)
{
    unsigned char raw[8];
    size_t item = item_size(t->dtype);
    for (size_t i = 0; i < t->size; i++) {
        uint64_t bits = 0;
        if (fread(raw, item, 1, in) != 1)
            die("the data of the request is cut off");
        for (size_t k = item; k-- > 0;)
            bits = bits << 8 | raw[k];
        t->values[i] = from_bits(bits, is_wide(t->dtype));
    }
}

static void write_arrays(FILE *out, const Array arrays[4])
{
    for (int k = 0; k < 4; k++) {
        fprintf(out, "%s %s", arrays[k].name, arrays[k].dtype);
        for (int axis = 0; axis < arrays[k].ndim; axis++)
            fprintf(out, " %llu", (unsigned long long)arrays[k].shape[axis]);
        fprintf(out, "\n");
    }
    fprintf(out, "data\n");
    for (int k = 0; k < 4; k++)
        for (size_t i = 0; i < arrays[k].size; i++) {
            uint64_t bits = to_bits(arrays[k].values[i], is_wide(arrays[k].dtype));
            for (size_t n = item_size(arrays[k].dtype); n-- > 0; bits >>= 8)
                putc((int)(bits & 255), out);
        }
}

static void answer_call(FILE *out, Array given[4], int count)
{
    const Array *in[3] = {&given[0], &given[1], &given[2]}, *gy = &given[3];
    const char *names[4] = {"x", "a", "b", "gy"}, *refused = NULL;
    Array y, results[4];
    for (int k = 0; k < 4; k++)
        if (count != 4 || strcmp(given[k].name, names[k]) != 0)
            refused = "the parameters are a and b";
    for (int k = 0; k < count && !refused; k++)
        if (is_wide(given[k].dtype) < 0)
            refused = "only float64 and float32 are implemented";
    if (!refused && !broadcast(in, &y))
        refused = "the shapes of x, a and b do not broadcast";
    fprintf(out, "apalu-answer 1\n");
    if (refused) {
        fprintf(out, "refused %s\n", refused);
        return;
    }
    if (gy->ndim != y.ndim || memcmp(gy->shape, y.shape, (size_t)y.ndim * sizeof(size_t)) != 0)
        die("gy is not of the shape of y");
    results[0] = like(&y, "y");
    apalu(in, gy, results);
    write_arrays(out, results);
    for (int k = 0; k < 4; k++)
        release(&results[k]);
}

static int answer_request(const char *request, const char *answer)
{
    enum { MOST_ARRAYS = 8 };
    FILE *in = fopen(request, "rb"), *out = fopen(answer, "wb"); /* b: no \r\n on Windows */
    char line[1024];
    if (in == NULL || out == NULL)
        die("a file cannot be opened");
    while (read_line(in, line)) {
        Array given[MOST_ARRAYS];
        int count = 0;
        if (strcmp(line, "apalu-request 1") != 0 || !read_line(in, line))
            die("this is not a request of version 1");
        while (read_line(in, line) && strcmp(line, "data") != 0) {
            if (count == MOST_ARRAYS)
                die("the request has too many arrays");
            given[count++] = declared(line);
        }
        for (int k = 0; k < count; k++)
            read_values(in, &given[k]);
        answer_call(out, given, count);
        for (int k = 0; k < count; k++)
            release(&given[k]);
    }
    fclose(in);
    if (fclose(out) != 0)
        die("the answer cannot be written");
    return 0;
}

/* ---- Golden vectors ---------------------------------------------------------------------- */

enum { MOST_FIELDS = 64, COLUMNS = 14 };

/* Numbers are bit patterns, 0x3ff0..., but the four tolerances. */
static const char *const COLUMN[COLUMNS] = {"tcId", "dtype", "x",      "a",       "b",
                                            "gy",   "y",     "dx",     "da",      "db",
                                            "core_y", "core_dx", "core_da", "core_db"};

/* Cut a line at its tabs; the number of fields. */
static int split(char *line, char *field[MOST_FIELDS])
{
    int count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *rest = line; rest != NULL && count < MOST_FIELDS; count++) {
        field[count] = rest;
        rest = strchr(rest, '\t');
        if (rest != NULL)
            *rest++ = '\0';
    }
    return count;
}

/* A row's numbers; 0 if it is of a type that is not implemented, or not of single numbers. */
static int numbers(char *const field[COLUMNS], double v[COLUMNS])
{
    int wide = is_wide(field[1]);
    char *end;
    for (int k = 2; k < COLUMNS; k++) {
        if (k < 10)
            v[k] = from_bits(strtoull(field[k], &end, 16), wide);
        else
            v[k] = strtod(field[k], &end);
        if (wide < 0 || end == field[k] || *end != '\0')
            return 0;
    }
    return 1;
}

static int is_row_off(const double v[COLUMNS], int wide)
{
    double x = v[2], a = v[3], b = v[4], gy = v[5], da, db;
    dparameters_of(x, gy, &da, &db);
    const double got[4] = {y_of(x, a, b), dx_of(x, a, b, gy), da, db};
    for (int k = 0; k < 4; k++) {
        double want = v[6 + k], rounded = from_bits(to_bits(got[k], wide), wide);
        int right = isnan(want)   ? isnan(rounded)
                    : isinf(want) ? rounded == want
                                  : fabs(rounded - want) <= v[10 + k];
        if (!right)
            return 1;
    }
    return 0;
}

static int check_vectors(const char *path)
{
    int place[COLUMNS], checked = 0, skipped = 0, off = 0;
    char line[4096], *given[MOST_FIELDS], *field[COLUMNS];
    FILE *in = fopen(path, "r");
    if (in == NULL || fgets(line, sizeof line, in) == NULL)
        die("the file of vectors cannot be read");
    int width = split(line, given);
    for (int k = 0; k < COLUMNS; k++) {
        for (place[k] = 0; place[k] < width; place[k]++)
            if (strcmp(given[place[k]] + strspn(given[place[k]], "# "), COLUMN[k]) == 0)
                break;
        if (place[k] == width)
            die("the first line of the vectors does not name all of tcId ... core_db");
    }
    while (fgets(line, sizeof line, in) != NULL) {
        double v[COLUMNS];
        if (strchr(line, '\n') == NULL && !feof(in))
            die("a line of the vectors is too long");
        int usable = split(line, given) == width;
        for (int k = 0; k < COLUMNS && usable; k++)
            field[k] = given[place[k]];
        if (!usable || !numbers(field, v)) {
            skipped++;
            continue;
        }
        checked++;
        if (is_row_off(v, is_wide(field[1])) && ++off <= 10)
            printf("off: tcId %s, x = %.17g, a = %.17g, b = %.17g, gy = %.17g\n", field[0], v[2],
                   v[3], v[4], v[5]);
    }
    fclose(in);
    printf("%d vectors checked, %d off, %d skipped\n", checked, off, skipped);
    return off > 0 || checked == 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--vectors") == 0)
        return check_vectors(argv[2]);
    if (argc == 3)
        return answer_request(argv[1], argv[2]);
    fprintf(stderr, "usage: apalu REQUEST ANSWER, or apalu --vectors FILE.tsv\n");
    return 2;
}
