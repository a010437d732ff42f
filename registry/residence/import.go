// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/registry/population"
)

// ImportConfig says how a people feed is imported.
type ImportConfig struct {
	By        audit.Actor // zero means audit.System("import")
	Rejects   string      // file for the lines that were not loaded; made when there is one. "" means none is kept
	Chunk     int         // records in one transaction; 0 means 20,000
	Progress  func(Progress)
	KnownUnit func(code string, from clock.Date) bool // whether a unit's version exists; nil means that it is not asked
}

// Report counts what an import did, over all its runs.
type Report struct {
	Source     string     `json:"source"`
	AsOf       clock.Date `json:"as_of"`
	People     int64      `json:"people"`
	Households int64      `json:"households"`
	Temporary  int64      `json:"temporary"`
	Stays      int64      `json:"stays"`
	Changed    int64      `json:"changed"`   // known records of which the source says something else
	Unchanged  int64      `json:"unchanged"` // known records
	Older      int64      `json:"older"`     // left out: what is held is more recent than the file
	Rejected   int64      `json:"rejected"`
	Lines      int        `json:"lines"`

	Resumed bool `json:"-"` // an interrupted run was continued
	Before  bool `json:"-"` // this file was imported to its end before; nothing was done
}

// Progress is how far an import has come.
type Progress struct {
	Report
	Fraction float64       // of the file
	Rate     float64       // people read per second in this run
	Left     time.Duration // 0 until it can be told
}

// Import reads a people feed (docs/feed.md) into population and residence.
//
// The file is read in chunks, each one transaction that also advances a row
// named by the file's digest. After a crash at any point the same file
// continues behind its last whole chunk; a file imported to its end is not
// read again. A later delivery of the same source updates what changed.
//
// A line that cannot be loaded goes to the reject file with its number, field
// and reason, never its values, and the import goes on. The reject file is cut
// back to the last whole chunk on resumption, so no line stands there twice.
func (r *Registry) Import(ctx context.Context, c ImportConfig, file io.ReadSeeker) (Report, error) {
	if c.By.Kind == "" {
		c.By = audit.System("import")
	}
	if c.By.Kind != audit.KindSystem && c.By.Kind != audit.KindOfficer {
		return Report{}, fault.New(fault.Forbidden, "residence.import.forbidden")
	}
	if c.Chunk <= 0 {
		c.Chunk = 20_000
	}
	im := importer{r: r, c: c, began: r.clock.Now()}
	if err := im.open(ctx, file); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	if im.report.Before {
		return im.report, nil
	}
	err := im.run(ctx)
	if cerr := im.rejects.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return im.report, fmt.Errorf("import: %w", err)
	}
	return im.report, nil
}

type importer struct {
	r       *Registry
	c       ImportConfig
	began   time.Time
	print   []byte // the file's digest
	size    int64
	reader  *feed.Reader
	people  *population.Loader
	places  *loader
	rejects rejectFile
	report  Report
	line    int   // of the last whole chunk
	place   int64 // its end in the file
	start   int64 // where this run began
	readNow int64 // people read in this run
}

// open finds out whether the file was met before and goes to where it stopped.
func (im *importer) open(ctx context.Context, file io.ReadSeeker) (err error) {
	sum := sha256.New()
	if im.size, err = io.Copy(sum, file); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	im.print = sum.Sum(nil)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	if im.reader, err = feed.NewReader(file); err != nil {
		return err
	}
	h := im.reader.Header()
	im.report = Report{Source: h.Source, AsOf: h.AsOf, Lines: im.reader.Line()}
	im.line, im.place, im.start = im.reader.Line(), im.reader.Offset(), im.reader.Offset()
	im.people = im.r.people.NewLoader(im.c.By, h.Source, h.AsOf)
	now := clock.Micros(im.r.clock.Now())
	im.places = &loader{r: im.r, people: im.people, by: im.c.By, source: h.Source, day: h.AsOf, asOf: clock.Micros(h.AsOf.Time()), now: now}
	im.rejects = rejectFile{path: im.c.Rejects}

	var counts string
	var finished sql.NullInt64
	err = im.r.db.Read().QueryRowContext(ctx, `SELECT line, place, counts, reject_size, finished_at FROM residence_import WHERE file = $1`, im.print).
		Scan(&im.line, &im.place, &counts, &im.rejects.size, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		if im.c.Rejects != "" {
			if err := os.Remove(im.c.Rejects); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove the earlier reject file: %w", err)
			}
		}
		return im.r.db.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO residence_import (file, source, as_of, line, place, counts, reject_size, started_at, updated_at)
				VALUES ($1, $2, $3, $4, $5, '{}', 0, $6, $6)`, im.print, h.Source, h.AsOf, im.line, im.place, now)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("find progress: %w", err)
	}
	lines := im.report.Lines
	if err := json.Unmarshal([]byte(counts), &im.report); err != nil {
		return fmt.Errorf("find progress: %w", err)
	}
	if finished.Valid {
		im.report.Before = true
		return nil
	}
	im.report.Source, im.report.AsOf = h.Source, h.AsOf
	im.report.Resumed = im.line > lines
	im.start = im.place
	return im.reader.Continue(file, im.place, im.line)
}

// chunk is what one transaction loads.
type chunk struct {
	people  *population.Batch
	lines   []int // of the people
	count   int64 // people read
	places  batch
	rejects []rejected
	line    int
	place   int64
	err     error
	last    bool
}

// run reads and prepares chunks beside the database's work on the one before.
func (im *importer) run(ctx context.Context) error {
	if err := im.spacious(ctx, true); err != nil {
		return err
	}
	defer func() { _ = im.spacious(context.WithoutCancel(ctx), false) }()
	ctx, cancel := context.WithCancel(ctx)
	chunks := make(chan *chunk, 1)
	defer func() {
		cancel()
		for range chunks { // the file is the caller's again only when nobody reads it
		}
	}()
	go func() {
		defer close(chunks)
		for {
			ch := im.read()
			select {
			case chunks <- ch:
			case <-ctx.Done():
				return
			}
			if ch.last || ch.err != nil {
				return
			}
		}
	}()
	// What is met for the first time is loaded without care; the first record
	// that is known after all turns care on, and a chunk of strangers off.
	care := false
	for ch := range chunks {
		if ch.err != nil {
			return ch.err
		}
		strangers, err := im.store(ctx, ch, care)
		if err != nil && !care && db.IsUnique(err) {
			care = true
			strangers, err = im.store(ctx, ch, care)
		}
		if err != nil {
			return err
		}
		care = care && !strangers
		if im.c.Progress != nil {
			im.c.Progress(im.progress())
		}
		if ch.last {
			return nil
		}
	}
	return ctx.Err()
}

// read reads one chunk and makes it ready.
func (im *importer) read() *chunk {
	ch := &chunk{}
	var people []*feed.Person
	for n := 0; n < im.c.Chunk; n++ {
		rec, err := im.reader.Next()
		if errors.Is(err, io.EOF) {
			ch.last = true
			break
		}
		var bad *feed.LineError
		if errors.As(err, &bad) {
			ch.rejects = append(ch.rejects, rejected{bad.Line, bad.Field, bad.Problem, bad.Mend})
			continue
		}
		if err != nil {
			ch.err = err
			return ch
		}
		if field := im.strangeUnit(rec); field != "" {
			ch.rejects = append(ch.rejects, rejected{im.reader.Line(), field, "there was no such unit with this validity", "give the code and the first day of the unit's version"})
			continue
		}
		switch {
		case rec.Person != nil:
			people, ch.lines = append(people, rec.Person), append(ch.lines, im.reader.Line())
		case rec.Household != nil:
			ch.places.households = append(ch.places.households, im.places.household(rec.Household))
		case rec.Temporary != nil:
			ch.places.periods = append(ch.places.periods, im.places.temporary(rec.Temporary))
		case rec.Stay != nil:
			ch.places.periods = append(ch.places.periods, im.places.stay(rec.Stay))
		}
	}
	ch.count = int64(len(people))
	ch.line, ch.place = im.reader.Line(), im.reader.Offset()
	ch.people, ch.err = im.people.Prepare(people, true)
	return ch
}

// strangeUnit names the field whose unit never existed.
func (im *importer) strangeUnit(rec feed.Record) string {
	if im.c.KnownUnit == nil {
		return ""
	}
	bad := func(p *feed.Place) bool { return p != nil && p.Unit != "" && !im.c.KnownUnit(p.Unit, p.UnitFrom) }
	switch {
	case rec.Person != nil && bad(rec.Person.Origin):
		return "person.origin.unit"
	case rec.Person != nil && bad(rec.Person.BirthPlace):
		return "person.birth_place.unit"
	case rec.Household != nil:
		if bad(&rec.Household.Address) {
			return "household.address.unit"
		}
		for i := range rec.Household.Former {
			if bad(&rec.Household.Former[i].Address) {
				return "household.former[" + strconv.Itoa(i) + "].address.unit"
			}
		}
	case rec.Temporary != nil && bad(&rec.Temporary.Address):
		return "temporary.address.unit"
	case rec.Stay != nil && bad(&rec.Stay.Address):
		return "stay.address.unit"
	}
	return ""
}

// store loads one chunk. Its rejects reach the disk first: a crash between the
// two leaves lines that the next run cuts off and writes again.
func (im *importer) store(ctx context.Context, ch *chunk, care bool) (strangers bool, err error) {
	var next Report
	var nextRejects rejectFile
	err = im.r.db.Write(ctx, func(tx *db.Tx) error {
		next = im.report
		loaded, err := im.people.LoadTx(ctx, tx, ch.people, care)
		if err != nil {
			return err
		}
		n, err := im.places.loadTx(ctx, tx, &ch.places, care)
		if err != nil {
			return err
		}
		lines := slices.Clone(ch.rejects)
		for _, x := range loaded.Rejects {
			lines = append(lines, rejected{ch.lines[x.Index], x.Field, x.Problem, x.Mend})
		}
		lines = slices.SortedStableFunc(slices.Values(lines), func(a, b rejected) int { return a.Line - b.Line })
		nextRejects, err = im.rejects.write(lines)
		im.rejects.f = nextRejects.f
		if err != nil {
			return err
		}
		next.People += loaded.Inserted
		next.Households += n.households
		next.Temporary += n.temporary
		next.Stays += n.stays
		next.Changed += loaded.Changed + n.changed
		next.Unchanged += loaded.Unchanged + n.unchanged
		next.Older += loaded.Older + n.older
		next.Rejected += int64(len(lines))
		next.Lines = ch.line
		known := loaded.Changed + n.changed + loaded.Unchanged + n.unchanged + loaded.Older + n.older
		strangers = known == 0
		return im.advanceTx(ctx, tx, ch, next, nextRejects.size)
	})
	if err != nil {
		return false, err
	}
	im.report, im.rejects = next, nextRejects
	im.line, im.place = ch.line, ch.place
	im.readNow += ch.count
	return strangers, nil
}

// advanceTx moves the progress row on; another run of the same file that was
// faster makes this one fail before it commits.
func (im *importer) advanceTx(ctx context.Context, tx *db.Tx, ch *chunk, next Report, rejectSize int64) error {
	counts, err := json.Marshal(next)
	if err != nil {
		return err
	}
	now := clock.Micros(im.r.clock.Now())
	var finished any
	if ch.last {
		finished = now
	}
	var line int
	err = tx.QueryRowContext(ctx, `UPDATE residence_import SET line = $2, place = $3, counts = $4, reject_size = $5, updated_at = $6, finished_at = $7
		WHERE file = $1 AND line = $8 AND finished_at IS NULL RETURNING line`, im.print, ch.line, ch.place, string(counts), rejectSize, now, finished, im.line).Scan(&line)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "residence.import.elsewhere")
	}
	if err != nil {
		return fmt.Errorf("keep progress: %w", err)
	}
	if !ch.last {
		return nil
	}
	return im.r.audit.RecordTx(ctx, tx, audit.Entry{Actor: im.c.By, Action: "residence.imported", Purpose: "residence.purpose.keep", Ground: "source:" + next.Source,
		Detail: map[string]string{"as_of": next.AsOf.String(), "people": strconv.FormatInt(next.People, 10), "households": strconv.FormatInt(next.Households, 10),
			"changed": strconv.FormatInt(next.Changed, 10), "rejected": strconv.FormatInt(next.Rejected, 10)}})
}

func (im *importer) progress() Progress {
	p := Progress{Report: im.report}
	if im.size > 0 {
		p.Fraction = float64(im.place) / float64(im.size)
	}
	if took := im.r.clock.Now().Sub(im.began).Seconds(); took > 0 && im.place > im.start {
		p.Rate = float64(im.readNow) / took
		p.Left = time.Duration(took * float64(im.size-im.place) / float64(im.place-im.start) * float64(time.Second))
	}
	return p
}

// spacious gives SQLite's writer more room for pages while a file is loaded:
// indexes are met in random order. PostgreSQL has its own.
func (im *importer) spacious(ctx context.Context, on bool) error {
	if im.r.db.Engine() != db.SQLite {
		return nil
	}
	pages := "PRAGMA cache_size = -4000"
	if on {
		pages = "PRAGMA cache_size = -131072" // KiB
	}
	return im.r.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, pages)
		return err
	})
}
