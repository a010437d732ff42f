// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// traced names each statement in the current trace, by its text without any
// argument. It costs a look at the context when nothing is being traced.
type traced struct{ q Q }

func span(ctx context.Context, query string) (context.Context, func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func() {}
	}
	text := strings.Join(strings.Fields(query), " ")
	name := text
	if f := strings.Fields(text); len(f) > 3 {
		name = strings.Join(f[:3], " ")
	}
	ctx, sp := parent.TracerProvider().Tracer("danh/internal/db").Start(ctx, name,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.query.text", text)))
	return ctx, func() { sp.End() }
}

// transaction shows in the trace how long a write took with its waiting for
// the writer and its attempts.
func transaction(ctx context.Context) (end func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return func() {}
	}
	_, sp := parent.TracerProvider().Tracer("danh/internal/db").Start(ctx, "transaction", trace.WithSpanKind(trace.SpanKindClient))
	return func() { sp.End() }
}

// ExecContext implements Q.
func (t traced) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	ctx, end := span(ctx, query)
	defer end()
	return t.q.ExecContext(ctx, query, args...)
}

// QueryContext implements Q.
func (t traced) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	ctx, end := span(ctx, query)
	defer end()
	return t.q.QueryContext(ctx, query, args...)
}

// QueryRowContext implements Q.
func (t traced) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ctx, end := span(ctx, query)
	defer end()
	return t.q.QueryRowContext(ctx, query, args...)
}
