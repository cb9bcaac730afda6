# Builds in the golang image and ships one static binary. Any builder will do,
# with BuildKit or without.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/lp2pnode ./cmd/lp2pnode && mkdir /out/data

FROM scratch
COPY --from=build /out/lp2pnode /lp2pnode
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV LP2P_DATA_DIR=/data
VOLUME /data
EXPOSE 9470 9471
HEALTHCHECK --interval=5s --timeout=4s --start-period=15s --retries=3 CMD ["/lp2pnode", "status"]
ENTRYPOINT ["/lp2pnode"]
