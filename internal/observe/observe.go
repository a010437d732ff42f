// SPDX-License-Identifier: Apache-2.0

// Package observe owns what an operator can see of a running server: JSON
// logs, Prometheus metrics, OpenTelemetry traces, and the request id that ties
// the three to what a person was shown.
//
// It refuses personal data by construction: a request is named by its door and
// the pattern of its route, never by its path or query.
package observe

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// NewLog returns the server's log: JSON lines; the request id of the context
// is added to every line.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(withRequest{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
}

type withRequest struct{ slog.Handler }

func (h withRequest) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		named := false
		r.Attrs(func(a slog.Attr) bool { named = a.Key == "request"; return !named })
		if !named {
			r.AddAttrs(slog.String("request", id))
		}
	}
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		r.AddAttrs(slog.String("trace", sc.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequest) WithAttrs(a []slog.Attr) slog.Handler {
	return withRequest{h.Handler.WithAttrs(a)}
}
func (h withRequest) WithGroup(n string) slog.Handler { return withRequest{h.Handler.WithGroup(n)} }

type contextKey struct{}

type request struct {
	id    string
	route string
}

// RequestID is the short reference of the request being served, or "".
func RequestID(ctx context.Context) string {
	if r, ok := ctx.Value(contextKey{}).(*request); ok {
		return r.id
	}
	return ""
}

// plainLetters are 32 signs that are not mistaken for one another when read
// aloud or copied by hand: no I, L, O, U.
const plainLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewRequestID makes a reference like "K7QM-3XPA": random, telling nothing,
// fit to be read out on the telephone.
func NewRequestID() string {
	var b [8]byte
	rand.Read(b[:])
	out := make([]byte, 0, 9)
	for i, c := range b {
		if i == 4 {
			out = append(out, '-')
		}
		out = append(out, plainLetters[c&31])
	}
	return string(out)
}

// Meter holds the metrics of one server.
type Meter struct {
	Registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// NewMeter makes the metrics every server has.
func NewMeter() *Meter {
	m := &Meter{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "danh_http_request_seconds", Help: "Time to answer a request, by door, route pattern and status class.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"door", "route", "status"}),
	}
	m.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.requests)
	return m
}

// Handler serves the metrics in Prometheus' text format.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})
}

// Route notes the pattern by which a mux answered, for logs, metrics and
// traces. It stands directly around the mux.
func Route(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if q, ok := r.Context().Value(contextKey{}).(*request); ok && q.route == "" {
			q.route = r.Pattern
		}
	})
}

// HTTP stands around a whole door: it gives the request its id and span, and
// measures and logs how it was answered.
func (m *Meter) HTTP(door string, log *slog.Logger, next http.Handler) http.Handler {
	tracer := otel.Tracer("danh/internal/observe")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		q := &request{id: NewRequestID()}
		ctx := context.WithValue(otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header)), contextKey{}, q)
		ctx, span := tracer.Start(ctx, r.Method+" "+door, trace.WithSpanKind(trace.SpanKindServer))
		sw := &writer{ResponseWriter: w, status: http.StatusOK}
		w.Header().Set("X-Request-Id", q.id)
		defer func() {
			if q.route == "" {
				q.route = "unmatched"
			}
			took := time.Since(start)
			m.requests.WithLabelValues(door, q.route, strconv.Itoa(sw.status/100)+"xx").Observe(took.Seconds())
			if span.IsRecording() {
				span.SetName(q.route)
				span.SetAttributes(attribute.String("danh.door", door), attribute.String("http.request.method", r.Method),
					attribute.String("http.route", q.route), attribute.Int("http.response.status_code", sw.status))
				if sw.status >= 500 {
					span.SetStatus(codes.Error, "")
				}
			}
			span.End()
			level := slog.LevelDebug
			if sw.status >= 500 {
				level = slog.LevelError
			}
			if log.Enabled(ctx, level) {
				log.LogAttrs(ctx, level, "request", slog.String("door", door), slog.String("method", r.Method), slog.String("route", q.route),
					slog.Int("status", sw.status), slog.Int64("bytes", sw.bytes), slog.Float64("ms", float64(took.Microseconds())/1000))
			}
		}()
		next.ServeHTTP(sw, r.WithContext(ctx))
	})
}

type writer struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

func (w *writer) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.wrote = true
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Traces sends spans by OTLP over HTTP to endpoint (host:port or URL); without
// one, spans cost next to nothing. The returned function sends what is left.
func Traces(ctx context.Context, endpoint string) (stop func(context.Context) error, err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	if endpoint == "" {
		return func(context.Context) error { return nil }, nil
	}
	opts := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(endpoint)}
	if !strings.Contains(endpoint, "://") {
		opts = []otlptracehttp.Option{otlptracehttp.WithEndpoint(endpoint), otlptracehttp.WithInsecure()}
	}
	exp, err := otlptracehttp.New(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open trace exporter: %w", err)
	}
	return Record(sdktrace.WithBatcher(exp)), nil
}

// Record starts recording spans into what the options say.
func Record(opts ...sdktrace.TracerProviderOption) (stop func(context.Context) error) {
	p := sdktrace.NewTracerProvider(opts...)
	otel.SetTracerProvider(p)
	return p.Shutdown
}
