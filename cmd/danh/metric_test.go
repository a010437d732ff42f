// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/tour"
)

func postgres(t *testing.T) string { return dbtest.URL(t, db.PostgreSQL, nil) }

var (
	requestLine = regexp.MustCompile(`(?m)^danh_http_request_seconds_count\{door="([^"]*)",route="([^"]*)",status="([^"]*)"\} (\S+)$`)
	routeForm   = regexp.MustCompile(`^(?:unmatched|(?:[A-Z]+ )?/(?:[a-z0-9_.-]+|\{[a-z.]+\}|\{\$\})?(?:/(?:[a-z0-9_.-]+|\{[a-z.]+\}|\{\$\})?)*)$`)
	digits      = regexp.MustCompile(`[0-9]{3}`)
	metricName  = regexp.MustCompile(`(?m)^# TYPE (\S+)`)
)

// metricsNameNobody reads the metrics after the tours: each door is measured by
// its routes, never by a path that somebody asked for.
func metricsNameNobody(t *testing.T, s *stack, env tour.Env) {
	t.Helper()
	for _, at := range []string{env.Officer, env.Partner, env.Auditor} {
		status(t, at+"/")
		status(t, at+"/079203001234")
	}
	text := metrics(t, s)
	matched := map[string]int{}
	for _, m := range requestLine.FindAllStringSubmatch(text, -1) {
		door, route, class := m[1], m[2], m[3]
		if !routeForm.MatchString(route) || digits.MatchString(route) {
			t.Errorf("%s: the route %q is no pattern", door, route)
		}
		if !regexp.MustCompile(`^[2-5]xx$`).MatchString(class) {
			t.Errorf("%s: the status class is %q", door, class)
		}
		if route != "unmatched" {
			matched[door]++
		}
	}
	for _, door := range []string{"citizen", "portal", "officer", "partner", "auditor"} {
		if matched[door] == 0 {
			t.Errorf("the %s door is not measured by its routes", door)
		}
	}
	for _, want := range []string{
		`danh_http_request_seconds_count{door="citizen",route="POST /open/password",status="3xx"} `,
		`danh_http_request_seconds_count{door="citizen",route="POST /token",status="2xx"} `,
		`danh_deliveries{channel="sms",state="delivered"} `, "\ndanh_database_up 1\n", "\ndanh_sms_bound 1\n", "\ndanh_jobs_dead 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics have no %s", strings.TrimSpace(want))
		}
	}
	if regexp.MustCompile(`(?m)^danh_audit_entries 0$`).MatchString(text) {
		t.Error("the metrics know of no audit entry")
	}
	noPersonalData(t, s, text)

	// docs/operate.md names every metric, and no other.
	doc, err := os.ReadFile(operateFile)
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("`(danh_[a-z_]+)").FindAllStringSubmatch(string(doc), -1)
	var is, was []string
	for _, m := range metricName.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "danh_") {
			is = append(is, m[1])
		}
	}
	for _, m := range told {
		was = append(was, m[1])
	}
	slices.Sort(is)
	slices.Sort(was)
	if was = slices.Compact(was); !slices.Equal(is, was) {
		t.Errorf("the metrics are %v; %s names %v", is, operateFile, was)
	}
}
