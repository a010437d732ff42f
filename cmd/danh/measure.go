// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"danh/internal/observe"
)

// measure registers what operators watch beside requests.
func measure(m *observe.Meter, r *rooms) {
	m.Registry.MustRegister(&state{rooms: r})
}

// state is read from the database when it is scraped, at most once in five
// seconds. What cannot be read is left out, and danh_database_up says so.
type state struct {
	rooms *rooms
	mu    sync.Mutex
	at    time.Time
	last  []prometheus.Metric
}

var (
	databaseUp    = desc("danh_database_up", "1 while the database answers.")
	jobsDue       = desc("danh_jobs_due", "Jobs whose time has come.")
	jobsWaiting   = desc("danh_jobs_waiting", "Jobs that wait for their time.")
	jobsRunning   = desc("danh_jobs_running", "Jobs that a worker has.")
	jobsDead      = desc("danh_jobs_dead", "Jobs that ran out of attempts.")
	jobsOldest    = desc("danh_jobs_oldest_seconds", "Age of the oldest job that is due.")
	smsBound      = desc("danh_sms_bound", "1 while a session with the SMSC is bound.")
	deliveries    = desc("danh_deliveries", "Messages kept, by the way they go and how far they came.", "channel", "state")
	signals       = desc("danh_signals", "Signals of theft kept, by name and by how far their case is.", "signal", "state")
	auditSize     = desc("danh_audit_entries", "Entries that have their number in the log.")
	auditUnsealed = desc("danh_audit_waiting", "Entries that wait for their number; the sealer is away when this grows.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{databaseUp, jobsDue, jobsWaiting, jobsRunning, jobsDead, jobsOldest, smsBound, deliveries, signals, auditSize, auditUnsealed} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms.clock.Now().Sub(s.at) > 5*time.Second {
		s.last, s.at = s.read(), s.rooms.clock.Now()
	}
	for _, m := range s.last {
		out <- m
	}
	out <- metric(smsBound, truth(s.rooms.sms.Bound()))
}

func (s *state) read() (all []prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	up := true
	try := func(err error) bool {
		if err != nil {
			up = false
			s.rooms.log.Warn("a metric cannot be read", "error", err)
		}
		return err == nil
	}
	if j, err := s.rooms.jobs.Stats(ctx); try(err) {
		all = append(all, metric(jobsDue, float64(j.Due)), metric(jobsWaiting, float64(j.Waiting)), metric(jobsRunning, float64(j.Running)),
			metric(jobsDead, float64(j.Dead)), metric(jobsOldest, j.OldestDue.Seconds()))
	}
	if counts, err := s.rooms.notify.CountStates(ctx); try(err) {
		for _, c := range counts {
			all = append(all, metric(deliveries, float64(c.N), string(c.Channel), string(c.State)))
		}
	}
	if counts, err := s.rooms.signals.Counts(ctx); try(err) {
		for _, c := range counts {
			all = append(all, metric(signals, float64(c.N), string(c.Kind), string(c.State)))
		}
	}
	if size, waiting, err := s.rooms.audit.Count(ctx); try(err) {
		all = append(all, metric(auditSize, float64(size)), metric(auditUnsealed, float64(waiting)))
	}
	return append(all, metric(databaseUp, truth(up)))
}

func metric(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
