//! `#[tokio::test]` and `#[tokio::main]`, simulated: the same arguments, another expansion.
//!
//! A test becomes a sweep over seeds: its body is wrapped in a closure that can be run many times. `main` stays
//! what it is, a runtime that blocks on the body; outside of a run that begins one.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, ItemFn, Lit, Path, Token, parse_macro_input, parse_quote};

/// Makes an async function a test that sweeps seeds; takes tokio's arguments.
#[proc_macro_attribute]
pub fn test(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand_test(&arguments, function).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes an async function an entry point; takes tokio's arguments.
#[proc_macro_attribute]
pub fn main(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand_main(&arguments, function).unwrap_or_else(|error| error.to_compile_error()).into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavor {
    CurrentThread,
    MultiThread,
    Local,
}

struct Arguments {
    flavor: Option<Flavor>,
    workers: Option<Expr>,
    start_paused: Option<Expr>,
    name: Option<Expr>,
    krate: Path,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self {
            flavor: None,
            workers: None,
            start_paused: None,
            name: None,
            krate: parse_quote!(::tokio),
        };
        for Argument { name, value } in Punctuated::<Argument, Token![,]>::parse_terminated(input)? {
            match name.to_string().as_str() {
                "flavor" => arguments.flavor = Some(flavor(&value)?),
                "worker_threads" => arguments.workers = Some(value),
                "start_paused" => arguments.start_paused = Some(value),
                "name" => arguments.name = Some(value),
                "unhandled_panic" => {}
                "crate" => arguments.krate = path(&value)?,
                other => {
                    let message = format!(
                        "Unknown attribute {other} is specified; expected one of: `flavor`, `worker_threads`, \
                         `start_paused`, `crate`, `unhandled_panic`, `name`."
                    );
                    return Err(syn::Error::new(name.span(), message));
                }
            }
        }
        Ok(arguments)
    }
}

struct Argument {
    name: Ident,
    value: Expr,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(syn::ext::IdentExt::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

fn string(value: &Expr) -> syn::Result<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        other => Err(syn::Error::new_spanned(other, "a string literal was expected")),
    }
}

fn flavor(value: &Expr) -> syn::Result<Flavor> {
    match string(value)?.as_str() {
        "current_thread" => Ok(Flavor::CurrentThread),
        "multi_thread" => Ok(Flavor::MultiThread),
        "local" => Ok(Flavor::Local),
        other => {
            let message = format!(
                "No such runtime flavor `{other}`. The runtime flavors are `current_thread`, `local` and `multi_thread`."
            );
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

fn path(value: &Expr) -> syn::Result<Path> {
    match value {
        Expr::Path(path) => Ok(path.path.clone()),
        other => syn::parse_str(&string(other)?).map_err(|error| syn::Error::new_spanned(other, error)),
    }
}

fn check(function: &ItemFn) -> syn::Result<()> {
    if function.sig.asyncness.is_none() {
        let message = "the `async` keyword is missing from the function declaration";
        return Err(syn::Error::new_spanned(function.sig.fn_token, message));
    }
    Ok(())
}

fn expand_test(arguments: &Arguments, mut function: ItemFn) -> syn::Result<TokenStream> {
    check(&function)?;
    if !function.sig.inputs.is_empty() {
        return Err(syn::Error::new_spanned(
            &function.sig.inputs,
            "the test function cannot accept arguments",
        ));
    }
    let Arguments { flavor, workers, start_paused, krate, name: runtime_name } = arguments;
    let runtime_name = match runtime_name {
        Some(name) => quote!(::core::option::Option::Some(#name)),
        None => quote!(::core::option::Option::None),
    };
    let is = |wanted| *flavor == Some(wanted);
    let (multi_thread, local) = (is(Flavor::MultiThread), is(Flavor::Local));
    let workers = workers.as_ref().map_or_else(|| quote!(0), |workers| quote!(#workers));
    let start_paused = start_paused.as_ref().map_or_else(|| quote!(false), |paused| quote!(#paused));
    let should_panic = function.attrs.iter().any(|attribute| attribute.path().is_ident("should_panic"));
    let attributes = std::mem::take(&mut function.attrs);
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let (name, output, body) = (&function.sig.ident, &function.sig.output, &function.block);
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attributes)*
        #visibility fn #name() {
            async fn __body() #output #body
            #krate::entry::test(
                #krate::entry::Test {
                    package: ::core::env!("CARGO_PKG_NAME"),
                    path: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                    multi_thread: #multi_thread,
                    local: #local,
                    name: #runtime_name,
                    workers: #workers,
                    start_paused: #start_paused,
                    should_panic: #should_panic,
                },
                __body,
            );
        }
    })
}

fn expand_main(arguments: &Arguments, mut function: ItemFn) -> syn::Result<TokenStream> {
    check(&function)?;
    let Arguments { flavor, workers, start_paused, name: runtime_name, krate } = arguments;
    let builder = match flavor {
        Some(Flavor::CurrentThread | Flavor::Local) => quote!(new_current_thread),
        Some(Flavor::MultiThread) | None => quote!(new_multi_thread),
    };
    let workers = workers.as_ref().map(|workers| quote!(.worker_threads(#workers)));
    let start_paused = start_paused.as_ref().map(|paused| quote!(.start_paused(#paused)));
    let runtime_name = runtime_name.as_ref().map(|name| quote!(.name(#name)));
    let build = match flavor {
        Some(Flavor::Local) => quote!(build_local(::core::default::Default::default())),
        _ => quote!(build()),
    };
    function.sig.asyncness = None;
    let (attributes, visibility, signature, body) =
        (&function.attrs, &function.vis, &function.sig, &function.block);
    Ok(quote! {
        #(#attributes)*
        #visibility #signature {
            let body = async #body;
            #[allow(clippy::expect_used, clippy::diverging_sub_expression, clippy::needless_return)]
            {
                return #krate::runtime::Builder::#builder()
                    .enable_all()
                    #workers
                    #start_paused
                    #runtime_name
                    .#build
                    .expect("Failed building the Runtime")
                    .block_on(body);
            }
        }
    })
}
