package p2p

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Thresholds of GossipSub's peer score. One rejected block costs 100 and shuts
// its sender out of gossip, the second (100 times two squared) out of
// everything; an honest peer never goes below 0, since it validates what it
// passes on by the same rules.
const (
	scoreGossip   = -50
	scorePublish  = -100
	scoreGraylist = -200
	scoreMost     = 20 // over all topics
)

// scoring returns the parameters of GossipSub's peer score.
func scoring(lies func(peer.ID) float64) (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	params := &pubsub.PeerScoreParams{
		Topics: map[string]*pubsub.TopicScoreParams{
			topicBlocks: topicScore(-100),
			// The second bad transaction shuts out of gossip (80), the third out
			// of flood publishing (180), the fourth out of everything (320).
			topicTransactions: topicScore(-20),
		},
		// Goodness is capped, so that nobody saves up for a bad deed: 20 is a
		// fifth of one rejected block.
		TopicScoreCap: scoreMost,
		// What sync finds out: 30 points for a false claim or a malformed answer,
		// 60 for what breaks a rule, fading by 100 an hour. So a liar leaves the
		// mesh (below 0), and one that sent bad headers hears no more offers (-50).
		// Being slow or busy costs nothing here: that is no lie.
		AppSpecificScore:  lies,
		AppSpecificWeight: 1,
		// Many nodes behind one address are normal: a lab, a Docker bridge, NAT.
		IPColocationFactorWeight: 0,
		// Grafting against a backoff or not answering IWANT, forgiven six times.
		BehaviourPenaltyWeight:    -10,
		BehaviourPenaltyThreshold: 6,
		BehaviourPenaltyDecay:     pubsub.ScoreParameterDecay(10 * time.Minute),
		DecayInterval:             time.Second,
		DecayToZero:               0.01,
		RetainScore:               time.Hour, // reconnecting does not wash clean
		SeenMsgTTL:                seenTTL,
	}
	thresholds := &pubsub.PeerScoreThresholds{
		GossipThreshold:             scoreGossip,
		PublishThreshold:            scorePublish,
		GraylistThreshold:           scoreGraylist,
		AcceptPXThreshold:           2 * scoreMost, // out of reach: nobody tells us whom to dial
		OpportunisticGraftThreshold: 1,
	}
	return params, thresholds
}

// topicScore returns one topic's parameters. Five minutes in the mesh give 1
// (P1, capped), being the first to deliver gives 0.5 a message up to 10 and
// fades in 20 minutes (P2). P3 is off: IDONTWANT and small meshes starve it,
// and it would punish slow links. A rejected message costs invalid times the
// square of their number, fading within the hour (P4).
func topicScore(invalid float64) *pubsub.TopicScoreParams {
	return &pubsub.TopicScoreParams{
		TopicWeight:                    1,
		TimeInMeshWeight:               1.0 / 300,
		TimeInMeshQuantum:              time.Second,
		TimeInMeshCap:                  300,
		FirstMessageDeliveriesWeight:   0.5,
		FirstMessageDeliveriesDecay:    pubsub.ScoreParameterDecay(20 * time.Minute),
		FirstMessageDeliveriesCap:      20,
		InvalidMessageDeliveriesWeight: invalid,
		InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(time.Hour),

		// P3 and P3b are off, but their fields must be legal.
		MeshMessageDeliveriesDecay:      pubsub.ScoreParameterDecay(time.Minute),
		MeshMessageDeliveriesCap:        1,
		MeshMessageDeliveriesThreshold:  1,
		MeshMessageDeliveriesWindow:     time.Second,
		MeshMessageDeliveriesActivation: time.Minute,
		MeshFailurePenaltyDecay:         pubsub.ScoreParameterDecay(time.Minute),
	}
}
