package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/node"
)

const aboutWork = `Lines of JSON, one each half second while the work is under way and a last one with its end: done, or an error. The
work ends with the asker.`

// maxWorkBody bounds what is sent with work for the node, in bytes.
const maxWorkBody = 16 << 10

// tellEvery is how often an asker hears how far the work is.
const tellEvery = 500 * time.Millisecond

// work describes an answer of lines.
func work(r *routes) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: aboutWork,
		Content:     map[string]*huma.MediaType{linesType: {Schema: r.schemaOf(reflect.TypeFor[client.Work]())}},
	}}
}

// linesType is the media type of JSON lines.
const linesType = "application/x-ndjson"

type workInput struct {
	RawBody []byte `contentType:"application/json"`
}

// backup writes and proves a copy of the chain.
func (n *rooms) backup(_ context.Context, in *workInput) (*huma.StreamResponse, error) {
	var order client.BackupOrder
	if err := json.Unmarshal(in.RawBody, &order); err != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, fmt.Sprintf(`body: want {"dir":"/PATH"}: %v`, err))
	}
	if !filepath.IsAbs(order.Dir) {
		return nil, newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("body.dir: want an absolute path on the node's machine, got %.200q", order.Dir))
	}
	return n.lines("backup", func(ctx context.Context, progress node.Progress) (*client.Work, error) {
		b, err := n.node.Backup(ctx, filepath.Clean(order.Dir), progress)
		if err != nil {
			return nil, err
		}
		return &client.Work{Backup: (*client.Backup)(b)}, nil
	}), nil
}

// verifyStore proves the node's whole store anew.
func (n *rooms) verifyStore(context.Context, *workInput) (*huma.StreamResponse, error) {
	return n.lines("verify", func(ctx context.Context, progress node.Progress) (*client.Work, error) {
		return &client.Work{}, n.node.Verify(ctx, progress)
	}), nil
}

// lines answers with what work tells, a line each.
func (n *rooms) lines(name string, work func(context.Context, node.Progress) (*client.Work, error)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		out := http.NewResponseController(w)
		if errors.Join(out.SetReadDeadline(time.Time{}), out.SetWriteDeadline(time.Time{})) != nil {
			panic(http.ErrAbortHandler)
		}
		told := time.Now()
		begun := func() {
			if w.Header().Get("Content-Type") == "" {
				w.Header().Set("Content-Type", linesType)
			}
		}
		last, err := work(r.Context(), func(done, total uint64) {
			if time.Since(told) < tellEvery {
				return
			}
			told = time.Now()
			begun()
			_ = json.NewEncoder(w).Encode(client.Work{Done: done, Total: total}) // the context ends when the asker has left
			_ = out.Flush()
		})
		switch {
		case errors.Is(err, node.ErrBusy):
			newProblem(http.StatusConflict, err.Error()).write(w)
			return
		case errors.Is(err, node.ErrBackupDir):
			newProblem(http.StatusUnprocessableEntity, err.Error()).write(w)
			return
		case err != nil:
			n.log.Error("work for the API's asker failed", "work", name, "error", err)
			last = &client.Work{Error: err.Error()}
		}
		last.Finished = true
		begun()
		_ = json.NewEncoder(w).Encode(last)
	}}
}
