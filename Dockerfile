# The service as one static binary on nothing: certificates, zone data and the program.
ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/openlearn .
RUN cp -L /etc/ssl/certs/ca-certificates.crt /out/ && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /out/

FROM scratch
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/zoneinfo.zip /usr/share/zoneinfo.zip
COPY --from=build /out/openlearn /openlearn
ENV ZONEINFO=/usr/share/zoneinfo.zip
# Numeric, so that `runAsNonRoot` can be checked without a passwd file.
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/openlearn", "healthcheck"]
ENTRYPOINT ["/openlearn"]
CMD ["serve"]
