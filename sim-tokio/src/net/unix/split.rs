//! The halves of a Unix stream.

use super::address::SocketAddr;
use super::unix_stream::UnixStream;
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use crate::net::stream;
use crate::net::stream::halves;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

halves!(UnixStream, SocketAddr);
