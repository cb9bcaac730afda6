package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// problem is client.Problem as huma sends it.
type problem client.Problem

func newProblem(status int, detail string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// ownFault is all that a stranger learns of a failure of ours.
func ownFault() *problem {
	return newProblem(http.StatusInternalServerError, "the node failed to answer; its log says why")
}

func (p *problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return problemType }

// write sends the problem outside of huma.
func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the asker has left
}

// problemOf is the border between the errors of the house and HTTP. What is
// not listed is our own fault: it goes to the log, not to the asker.
func (s *Server) problemOf(ctx context.Context, op string, err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case ctx.Err() != nil:
		return newProblem(http.StatusServiceUnavailable, "the asker has left, or the node is stopping")
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, err.Error())
	case errors.Is(err, chain.ErrInvalid):
		return ruleProblem(http.StatusUnprocessableEntity, err)
	case errors.Is(err, chain.ErrUnfit):
		return ruleProblem(http.StatusConflict, err)
	case errors.Is(err, chain.ErrHeld):
		return newProblem(http.StatusInsufficientStorage, err.Error())
	case errors.Is(err, chain.ErrUnwanted): // the error says what helps
		return newProblem(http.StatusTooManyRequests, err.Error())
	case errors.Is(err, ledger.ErrNoHistory):
		return newProblem(http.StatusConflict, err.Error())
	case errors.Is(err, ledger.ErrUnknownCursor):
		return newProblem(http.StatusGone, err.Error()+"; go back to a block that is on this node (GET /v1/blocks/HEIGHT shows its hash) and follow from there, or take from=genesis to have all blocks again")
	}
	s.log.Error("api request failed", "operation", op, "error", err)
	return ownFault()
}

// ruleProblem says which rule was broken.
func ruleProblem(status int, err error) *problem {
	p := newProblem(status, err.Error())
	var rule *chain.RuleError
	if errors.As(err, &rule) {
		p.Rule, p.Want, p.Got = string(rule.Rule), rule.Want, rule.Got
	}
	return p
}

// toProblem is a huma.Transformer: it makes problems of huma's own errors, in
// one line. huma.NewError could do so too, but it is one for the process, and
// the program around us may have its own.
func toProblem(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var details []string
	for _, d := range e.Errors {
		details = append(details, fmt.Sprintf("%s: %s", d.Location, d.Message))
	}
	if len(details) == 0 {
		details = []string{e.Detail}
	}
	return newProblem(e.Status, strings.Join(details, "; ")), nil
}
