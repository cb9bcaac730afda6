#!/bin/sh
# Builds the static binary and the empty data folder that Dockerfile.binary
# copies. Then: LP2P_DOCKERFILE=deploy/Dockerfile.binary docker-compose up --build
set -eu
cd "$(dirname "$0")/.."
mkdir -p deploy/out/data
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o deploy/out/lp2pnode ./cmd/lp2pnode
