# The program alone, without a shell, as a user that owns nothing but /data.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /trackgate ./cmd/trackgate \
 && mkdir /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /trackgate /trackgate
COPY --from=build /src/LICENSE /src/NOTICE /licenses/
COPY --from=build /src/fanout/console/NOTICE /src/fanout/console/LICENSE.maplibre-gl /src/fanout/console/LICENSE.topojson /licenses/console/
COPY --from=build --chown=65532:65532 /data /data
ENV TRACKGATE_DATA=/data
VOLUME /data
USER 65532:65532
# HTTP, WebSocket and the live map; any protocol. The ports of single protocols: `trackgate config`, gateway.ports.
EXPOSE 8080 5000/tcp 5000/udp
ENTRYPOINT ["/trackgate"]
CMD ["serve"]
