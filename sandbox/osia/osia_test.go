// SPDX-License-Identifier: Apache-2.0

package osia_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"danh/internal/fmr"
	wire "danh/internal/osia"
	"danh/sandbox/osia"
)

func template(t *testing.T, shift uint16) []byte {
	t.Helper()
	r := fmr.Record{Width: 300, Height: 400, XRes: 197, YRes: 197, Views: []fmr.View{{Position: fmr.RightThumb}}}
	for i := range uint16(20) {
		r.Views[0].Minutiae = append(r.Views[0].Minutiae, fmr.Minutia{X: 20 + i*i%200 + shift, Y: 30 + 13*i, Angle: i * 3000, Type: fmr.Ending})
	}
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func thumb(b []byte) []wire.BiometricData {
	return []wire.BiometricData{{BiometricType: wire.TypeFinger, BiometricSubType: "RIGHT_THUMB", Template: b, TemplateFormat: wire.FormatISO}}
}

func ask(t *testing.T, s http.Handler, method, path string, body any) (int, string) {
	t.Helper()
	raw, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(b)
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(raw)))
	return rec.Code, rec.Body.String()
}

func TestEncountersComeAndGo(t *testing.T) {
	s := osia.New(osia.Config{})
	const q = "?transactionId=1"
	e := wire.Encounter{Status: wire.StatusActive, EncounterType: "ENROLMENT", Galleries: []string{"g"}, BiometricData: thumb(template(t, 0))}
	for _, step := range []struct {
		method, path string
		body         any
		want         int
		has          string
	}{
		{"POST", "/v1/persons/p/encounters/1" + q, e, 200, `"personId":"p"`},
		{"POST", "/v1/persons/p/encounters/1" + q, e, 409, ""},
		{"POST", "/v1/persons/p/encounters/2" + q, e, 200, ""},
		{"GET", "/v1/persons/p/encounters/1" + q, nil, 200, `"encounterId":"1"`},
		{"GET", "/v1/persons/p/encounters" + q, nil, 200, `"encounterId":"2"`},
		{"GET", "/v1/galleries" + q, nil, 200, `["g"]`},
		{"POST", "/v1/verify/g/p" + q, wire.VerifyFromIDRequest{BiometricData: thumb(template(t, 30))}, 200, `"decision":true`},
		{"POST", "/v1/verify/ALL/p" + q, wire.VerifyFromIDRequest{BiometricData: thumb(template(t, 30))}, 200, `"decision":true`},
		{"POST", "/v1/verify/other/p" + q, wire.VerifyFromIDRequest{BiometricData: thumb(template(t, 0))}, 404, ""},
		{"POST", "/v1/identify/g" + q, wire.IdentifyRequest{BiometricData: thumb(template(t, 9))}, 200, `"personId":"p","rank":1`},
		{"DELETE", "/v1/persons/p/encounters/1" + q, nil, 204, ""},
		{"DELETE", "/v1/persons/p/encounters/1" + q, nil, 404, ""},
		{"DELETE", "/v1/persons/p" + q, nil, 204, ""},
		{"DELETE", "/v1/persons/p" + q, nil, 404, ""},
		{"GET", "/v1/persons/p/encounters" + q, nil, 404, ""},
		{"POST", "/v1/identify/g" + q, wire.IdentifyRequest{BiometricData: thumb(template(t, 0))}, 200, `[]`},
		{"GET", "/v1/tasks/none/status" + q, nil, 404, ""},
	} {
		if code, body := ask(t, s, step.method, step.path, step.body); code != step.want || !strings.Contains(body, step.has) {
			t.Errorf("%s %s: %d %s", step.method, step.path, code, body)
		}
	}
}

func TestWhatTheInterfaceForbidsIsRefused(t *testing.T) {
	s := osia.New(osia.Config{})
	good := `{"status":"ACTIVE","encounterType":"X","galleries":["g"],"biometricData":[{"biometricType":"FINGER","biometricSubType":"RIGHT_THUMB","missing":[{"presence":"AMPUTATED"}]}]}`
	if code, body := ask(t, s, "POST", "/v1/persons/p/encounters/0?transactionId=1", good); code != 200 {
		t.Fatal(code, body)
	}
	for name, c := range map[string][2]string{
		"no transaction":       {"", good},
		"a callback to no URL": {"?transactionId=1&callback=here", good},
		"an unknown member":    {"?transactionId=1", strings.Replace(good, `"status"`, `"name":"An","status"`, 1)},
		"the gallery ALL":      {"?transactionId=1", strings.Replace(good, `"g"`, `"ALL"`, 1)},
		"no gallery":           {"?transactionId=1", strings.Replace(good, `"g"`, ``, 1)},
		"a face":               {"?transactionId=1", strings.Replace(good, `FINGER`, `FACE`, 1)},
		"no status":            {"?transactionId=1", strings.Replace(good, `ACTIVE`, ``, 1)},
		"a broken template":    {"?transactionId=1", strings.Replace(good, `"missing":[{"presence":"AMPUTATED"}]`, `"template":"AAAA","templateFormat":"ISO_19794_2"`, 1)},
		"no JSON":              {"?transactionId=1", "x"},
	} {
		if code, body := ask(t, s, "POST", "/v1/persons/p/encounters/1"+c[0], c[1]); code != 400 || !strings.Contains(body, `"code":400`) {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
}

func TestUndeliverableResultWaitsToBeAskedFor(t *testing.T) {
	up := make(chan bool, 8)
	got := make(chan string, 8)
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-up:
			var b bytes.Buffer
			_, _ = b.ReadFrom(r.Body)
			got <- r.URL.Query().Get("taskId") + " " + r.Header.Get("Content-Type") + " " + b.String()
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer back.Close()
	s := osia.New(osia.Config{Tries: 2, Retry: time.Millisecond})
	code, body := ask(t, s, "POST", "/v1/verify/g/nobody?transactionId=1&callback="+back.URL, wire.VerifyFromIDRequest{BiometricData: thumb(template(t, 0))})
	var task wire.TaskID
	if err := json.Unmarshal([]byte(body), &task); err != nil || code != 202 {
		t.Fatal(code, body)
	}
	s.Close()
	if _, body := ask(t, s, "GET", "/v1/tasks/"+task.TaskID+"/status?transactionId=1", nil); strings.TrimSpace(body) != `"RESPONSE_ERROR"` {
		t.Fatal(body)
	}
	up <- true
	if code, _ := ask(t, s, "POST", "/v1/tasks/"+task.TaskID+"/redeliver?transactionId=1", nil); code != 204 {
		t.Fatal(code)
	}
	s.Close()
	if v := <-got; !strings.HasPrefix(v, task.TaskID+" "+wire.ErrorMediaType) || !strings.Contains(v, `"code":404`) {
		t.Fatal(v)
	}
	if _, body := ask(t, s, "GET", "/v1/tasks/"+task.TaskID+"/status?transactionId=1", nil); strings.TrimSpace(body) != `"COMPLETED"` {
		t.Fatal(body)
	}
}
