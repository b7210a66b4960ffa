//! The attribute `#[sim::test]`.
//!
//! It turns an async function of one argument, the simulation, into an ordinary test that sweeps
//! seeds.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, ItemFn, LitInt, Path, Token, parse_macro_input, parse_quote};

/// Runs an async function as a sweep over seeds.
///
/// ```ignore (the macro's crate does not know the crates its output uses)
/// #[sim::test(seeds = 1_000)]
/// async fn transfers_keep_the_total(sim: Sim) { /* … */ }
/// ```
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `seeds = N` | runs, unless the environment says otherwise | 100 |
/// | `hermetic` | each run in a forked process of its own | off |
/// | `limits = EXPR` | bounds of a run, a `sim::Limits` | `Limits::default()` |
/// | `tokio` | the code under test uses tokio: ignored, with the reason, unless `cargo sim` builds it | off |
/// | `crate = PATH` | where the simulation's crate is found | `::sim` |
///
/// The function takes the simulation and returns `()` or a `Result` whose error fails the run.
/// Other attributes (`#[ignore]`, `#[should_panic]`) go to the test.
#[proc_macro_attribute]
pub fn test(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand(&arguments, function).unwrap_or_else(|error| error.to_compile_error()).into()
}

struct Arguments {
    seeds: LitInt,
    hermetic: bool,
    tokio: bool,
    limits: Option<Expr>,
    krate: Path,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self {
            seeds: parse_quote!(100),
            hermetic: false,
            tokio: false,
            limits: None,
            krate: parse_quote!(::sim),
        };
        for argument in Punctuated::<Argument, Token![,]>::parse_terminated(input)? {
            match argument {
                Argument::Seeds(seeds) => arguments.seeds = seeds,
                Argument::Hermetic => arguments.hermetic = true,
                Argument::Tokio => arguments.tokio = true,
                Argument::Limits(limits) => arguments.limits = Some(limits),
                Argument::Crate(krate) => arguments.krate = krate,
            }
        }
        Ok(arguments)
    }
}

enum Argument {
    Seeds(LitInt),
    Hermetic,
    Tokio,
    Limits(Expr),
    Crate(Path),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            return Ok(Self::Crate(input.call(Path::parse_mod_style)?));
        }
        let name: Ident = input.parse()?;
        match name.to_string().as_str() {
            "hermetic" => Ok(Self::Hermetic),
            "tokio" => Ok(Self::Tokio),
            "limits" => {
                input.parse::<Token![=]>()?;
                Ok(Self::Limits(input.parse()?))
            }
            "seeds" => {
                input.parse::<Token![=]>()?;
                let seeds: LitInt = input.parse()?;
                match seeds.base10_parse::<u64>() {
                    Ok(1..) => Ok(Self::Seeds(seeds)),
                    _ => Err(syn::Error::new(seeds.span(), "a number of seeds is 1 or more and below 2^64")),
                }
            }
            other => {
                let message =
                    format!("unknown argument `{other}`; there are seeds, hermetic, tokio, limits and crate");
                Err(syn::Error::new(name.span(), message))
            }
        }
    }
}

fn expand(arguments: &Arguments, mut function: ItemFn) -> syn::Result<TokenStream> {
    let Arguments { seeds, hermetic, tokio, limits, krate } = arguments;
    if function.sig.asyncness.is_none() || function.sig.inputs.len() != 1 {
        let message =
            "a scenario is an async function of one argument, the simulation: `async fn name(sim: Sim)`";
        return Err(syn::Error::new_spanned(&function.sig, message));
    }
    let attributes = std::mem::take(&mut function.attrs);
    let name = function.sig.ident.clone();
    let limits = limits.as_ref().map(|limits| quote! { .with_limits(#limits) });
    let isolation = if *hermetic {
        quote! { ::core::option::Option::Some(#krate::explore::Isolation::Process) }
    } else {
        quote! { ::core::option::Option::None }
    };
    // `cargo sim` compiles for a target folder of its own, so what was built without it is never taken for this.
    let ignored = (*tokio && std::env::var_os("SIM_CARGO").is_none())
        .then(|| quote! { #[ignore = "its tokio is the real one: run it with `cargo sim test`"] });
    Ok(quote! {
        #[::core::prelude::v1::test]
        #ignored
        #(#attributes)*
        fn #name() {
            #function
            const PATH: &str = ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name));
            let rerun = #krate::explore::Rerun::Test {
                package: ::core::env!("CARGO_PKG_NAME").into(),
                path: PATH.split_once("::").map_or(PATH, |(_, path)| path).into(),
            };
            let scenario = #krate::explore::Scenario::new(PATH, rerun, #name).with_parts(#krate::PARTS) #limits;
            #krate::drive::test(&scenario, #seeds, #isolation);
        }
    })
}
