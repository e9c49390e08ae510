//! `lyceum login | whoami | user | token`.

use crate::cli::{Global, Login, Token, User};
use crate::client::Client;
use crate::config;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line, remark};
use crate::render::table;
use lyceum_schema::wire;

/// Remembers a server and a token, after asking the server whose it is.
pub(super) async fn login(args: Login, global: &Global) -> Outcome {
    let secret = match (&args.token_file, &global.token) {
        (Some(file), _) => super::read_text(file)?,
        (None, Some(token)) => token.clone(),
        (None, None) => ask()?,
    };
    let secret = secret.trim().to_owned();
    let client = Client::new(&args.url, Some(secret.clone()))?;
    let me: wire::WhoAmI = client.get("/v1/whoami").await?;
    let login = config::Login {
        server: Some(client.server().to_owned()),
        token: Some(secret),
        workspace: args.workspace.map(String::from),
    };
    let path = config::write(&login)?;
    line(&format!("logged in as {} ({}, {})", me.user.name, me.user.role.as_str(), me.user.organisation));
    remark(&format!("remembered in {}", path.display()));
    Ok(())
}

fn ask() -> Outcome<String> {
    remark("token (begins with lyc_; it is shown as you type):");
    let mut text = String::new();
    std::io::stdin()
        .read_line(&mut text)
        .map_err(|e| Failure::local("E9011", format!("no token could be read: {e}"), "use --token-file FILE"))?;
    if text.trim().is_empty() {
        return Err(Failure::local("E9011", "no token was given", "use --token-file FILE, or set LYCEUM_TOKEN"));
    }
    Ok(text)
}

/// Who the token belongs to, and where it is a member.
pub(super) async fn whoami(client: &Client, as_json: bool) -> Outcome {
    let me: wire::WhoAmI = client.get("/v1/whoami").await?;
    if as_json {
        json(&me);
        return Ok(());
    }
    line(&format!("{} ({}, {})", me.user.name, me.user.role.as_str(), me.user.organisation));
    for m in &me.workspaces {
        line(&format!(" {} in {}", m.role.as_str(), m.workspace));
    }
    Ok(())
}

/// Accounts.
pub(super) async fn user(args: User, client: &Client, as_json: bool) -> Outcome {
    match args {
        User::Create { name, organisation, role } => {
            let user: wire::User = client.post("/v1/users", &wire::CreateUser { name, organisation, role }).await?;
            if as_json {
                json(&user);
            } else {
                line(&format!("created {} ({}, {})", user.name, user.role.as_str(), user.organisation));
                remark(&format!("next: lyceum token create {}", user.name));
            }
        }
        User::List => {
            let users: wire::List<wire::User> = client.get("/v1/users").await?;
            if as_json {
                json(&users);
            } else {
                let header = ["name", "role", "organisation"].map(String::from);
                let rows: Vec<_> = users
                    .items
                    .iter()
                    .map(|u| vec![u.name.to_string(), u.role.as_str().to_owned(), u.organisation.to_string()])
                    .collect();
                line(&table::plain(&header, &rows, &[]));
            }
        }
    }
    Ok(())
}

/// Bearer tokens.
pub(super) async fn token(args: Token, client: &Client, as_json: bool) -> Outcome {
    match args {
        Token::Create { user, label, expires, out } => {
            let expires = expires.map(|t| parse_time(&t)).transpose()?;
            let issued: wire::IssuedToken =
                client.post(&format!("/v1/users/{user}/tokens"), &wire::CreateToken { label, expires }).await?;
            match out {
                Some(path) => {
                    write_secret(&path, &issued.secret)?;
                    remark(&format!("token {} written to {}", issued.token.id, path.display()));
                }
                None if as_json => json(&issued),
                None => {
                    line(&issued.secret);
                    remark(&format!("token {} of {user}: shown this once, stored nowhere", issued.token.id));
                }
            }
        }
        Token::List { user } => {
            let tokens: wire::List<wire::Token> = client.get(&format!("/v1/users/{user}/tokens")).await?;
            if as_json {
                json(&tokens);
            } else {
                let header = ["id", "label", "created", "expires"].map(String::from);
                let rows: Vec<_> = tokens
                    .items
                    .iter()
                    .map(|t| {
                        let expires = t.expires.map_or_else(|| "never".to_owned(), |e| e.to_string());
                        vec![t.id.to_string(), t.label.clone(), t.created.to_string(), expires]
                    })
                    .collect();
                line(&table::plain(&header, &rows, &[]));
            }
        }
        Token::Revoke { id } => {
            client.delete(&format!("/v1/tokens/{id}")).await?;
            line(&format!("token {id} ends now"));
        }
    }
    Ok(())
}

fn parse_time(text: &str) -> Outcome<wire::Timestamp> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| Failure::local("E9012", format!("{text} is not a time"), "write it as 2027-03-31T00:00:00Z"))
}

/// Writes a secret into a new file that only its owner can read.
fn write_secret(path: &std::path::Path, secret: &str) -> Outcome {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{secret}"))
        .map_err(|e| Failure::file(path, &e))
}
