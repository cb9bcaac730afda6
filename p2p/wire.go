package p2p

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// The protocols and limits of protocol §8.
const (
	statusProtocol = "/lp2p/status/1"
	syncProtocol   = "/lp2p/sync/1"

	maxLine         = 16384    // bytes of a request, status or error line
	maxAgent        = 64       // bytes
	maxLocator      = 64       // hashes
	maxHeaders      = 2000     // headers of one answer
	maxBlocks       = 128      // hashes of one request
	maxTransactions = 5000     // transactions of one answer
	maxAnswer       = 16 << 20 // bytes of one answer, unless its first line is longer
)

// status is the line that each side of /lp2p/status/1 writes.
type status struct {
	Agent   string     `json:"agent"`
	Genesis chain.Hash `json:"genesis"`
	Height  uint64     `json:"height"`
	Time    uint64     `json:"time"` // Unix ms
	Tip     chain.Hash `json:"tip"`
	Work    chain.Work `json:"work"`
}

// parseStatus reads a status line without its newline.
func parseStatus(line []byte) (status, error) {
	var s status
	if len(line) > maxLine {
		return s, fmt.Errorf("want a status of at most %d bytes, got %d", maxLine, len(line))
	}
	if err := canonical.Unmarshal(line, &s); err != nil {
		return status{}, fmt.Errorf("read status: %w", err)
	}
	if len(s.Agent) > maxAgent {
		return status{}, fmt.Errorf("want an agent of at most %d bytes, got %d", maxAgent, len(s.Agent))
	}
	return s, nil
}

// The requests of /lp2p/sync/1. Type stands last in each.
type (
	headersRequest struct {
		Limit   uint64       `json:"limit"`
		Locator []chain.Hash `json:"locator"`
		Type    string       `json:"type"`
	}
	blocksRequest struct {
		Hashes []chain.Hash `json:"hashes"`
		Type   string       `json:"type"`
	}
	transactionsRequest struct {
		Type string `json:"type"`
	}
)

// parseRequest reads a request line without its newline, and returns one of
// the three request types. Its errors may be told to the asker.
func parseRequest(line []byte) (any, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("want a request of at most %d bytes", maxLine)
	}
	switch {
	case bytes.HasSuffix(line, []byte(`"type":"headers"}`)):
		r := headersRequest{}
		if err := canonical.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		if r.Limit < 1 {
			return nil, errors.New("want a limit of at least 1")
		}
		if len(r.Locator) > maxLocator {
			return nil, fmt.Errorf("want at most %d locator hashes, got %d", maxLocator, len(r.Locator))
		}
		return r, nil
	case bytes.HasSuffix(line, []byte(`"type":"blocks"}`)):
		r := blocksRequest{}
		if err := canonical.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		if len(r.Hashes) > maxBlocks {
			return nil, fmt.Errorf("want at most %d hashes, got %d", maxBlocks, len(r.Hashes))
		}
		return r, nil
	case bytes.HasSuffix(line, []byte(`"type":"transactions"}`)):
		r := transactionsRequest{}
		return r, canonical.Unmarshal(line, &r)
	}
	return nil, errors.New(`want a canonical request of type "headers", "blocks" or "transactions"`)
}

// tooMany begins the refusal that asks to come again a little later.
const tooMany = "too many requests"

// refusal is the one line of a refused request.
type refusal struct {
	Error string `json:"error"`
}

var refusalStart = []byte(`{"error":`)

// parseRefusal tells whether a line of an answer is a refusal, and what it says.
func parseRefusal(line []byte) (string, bool) {
	if !bytes.HasPrefix(line, refusalStart) {
		return "", false
	}
	var r refusal
	if len(line) > maxLine || canonical.Unmarshal(line, &r) != nil {
		return "malformed refusal", true
	}
	return r.Error, true
}

// line returns the canonical JSON of v and a newline. v is one of ours, whose
// strings are UTF-8.
func line(v any) []byte {
	raw, err := canonical.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("p2p: encode %T: %v", v, err))
	}
	return append(raw, '\n')
}
