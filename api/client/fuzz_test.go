package client

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
)

// FuzzAnswer: what answers where a node should may be anything; each kind of
// answer is read or refused.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "application/json", []byte(`{"agent":"a","chain_id":"lan","height":1,"tip":"00"}`))
	f.Add(200, "application/json; charset=utf-8", []byte(`[{"id":"a","state":"connected","since":"2026-11-28T09:00:00Z"}]`))
	f.Add(404, "application/problem+json", []byte(`{"status":404,"title":"Not Found","detail":"no","rule":"x","want":"1","got":"2"}`))
	f.Add(503, "text/html", []byte("<html>"))
	f.Fuzz(func(t *testing.T, code int, kind string, raw []byte) {
		c := &Client{base: "http://node"}
		err := c.judge(&http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{"Content-Type": {kind}}}, raw)
		if err != nil {
			var p *Problem
			if errors.As(err, &p) && p.Status != code {
				t.Errorf("a problem of status %d came with %d", p.Status, code)
			}
			_ = err.Error()
			return
		}
		for _, v := range []any{
			new(Status), new([]Peer), new([]Fork), new(TxStatus), new(Submitted), new(Account), new(History),
			new(Pool), new(Verdict), new(Health), new([]Ban), new(Moved),
		} {
			_ = c.parse("/v1/x", raw, v)
		}
		_, _ = parseBlock(raw)
		_, _ = parseHeader(raw)
	})
}

// FuzzWork: lines of work under way are told in order, and only one that says
// that the work is finished ends them well.
func FuzzWork(f *testing.F) {
	f.Add([]byte("{\"done\":1,\"total\":2}\n{\"finished\":true,\"backup\":{\"dir\":\"/b\"}}\n"))
	f.Add([]byte("{\"finished\":true,\"error\":\"block 3\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines := 0
		w, err := readWork(bytes.NewReader(raw), func(uint64, uint64) { lines++ })
		if err == nil && (w == nil || !w.Finished) {
			t.Errorf("%q ends well as %+v", raw, w)
		}
		if most := bytes.Count(raw, []byte("\n")) + 1; lines > most {
			t.Errorf("%d lines are told of %d", lines, most)
		}
	})
}
