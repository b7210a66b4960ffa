//! The gRPC service, written in Rust so that no `protoc` is needed.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::grpc::Number")
            .output_type("crate::grpc::Number")
            .codec_path("tonic_prost::ProstCodec")
    };
    let calculator = Service::builder()
        .name("Calculator")
        .package("ecosystem")
        .method(method("square", "Square").build())
        .method(method("sum", "Sum").client_streaming().build())
        .method(method("count", "Count").server_streaming().build())
        .method(method("double", "Double").client_streaming().server_streaming().build())
        .build();
    Builder::new().compile(&[calculator]);
}
