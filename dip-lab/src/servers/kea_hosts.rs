//! The tables of Kea's hosts database, as the hosts of one of its servers in JSON.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Transaction};

use crate::servers::postgres::Postgres;

/// Why a command fails, in Kea's words.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            Some(told) if *told.code() == SqlState::UNIQUE_VIOLATION => duplicate(),
            // A database that ends says so, with a code of this class.
            Some(told) if !told.code().code().starts_with("57") => Self(format!(
                "Statement exec failed for: a statement, status: 7sqlstate:[ {} ], reason: ERROR:  {}",
                told.code().code(),
                told.message()
            )),
            _ => Self("fatal database error or connectivity lost".to_owned()),
        }
    }
}

fn duplicate() -> Refused {
    Refused("Database duplicate entry error".to_owned())
}

/// Which hosts of a subnet.
#[derive(Debug)]
pub(crate) enum Wanted {
    Identifier {
        kind: i16,
        octets: Vec<u8>,
    },
    Address(IpAddr),
    /// The next ones in the order of their numbers.
    After {
        id: i64,
        limit: i64,
    },
}

/// The types of identifiers (table `host_identifier_type`), in the order of their numbers.
const KINDS: [&str; 5] = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];

impl Wanted {
    /// By an address, or by an identifier.
    pub(crate) fn of(arguments: &Value) -> Result<Self, Refused> {
        if let Some(address) = arguments["ip-address"].as_str() {
            return address.parse().map(Self::Address).map_err(|_| Refused(format!("`{address}` is no address")));
        }
        let text = |key: &str| {
            arguments[key].as_str().ok_or_else(|| {
                Refused(format!("No 'ip-address' provided and '{key}' is either missing or not a string."))
            })
        };
        identifier(text("identifier-type")?, text("identifier")?)
    }

    fn client_of(host: &Value) -> Result<Self, Refused> {
        let given = KINDS.into_iter().find_map(|kind| Some((kind, host[kind].as_str()?)));
        let (kind, text) =
            given.ok_or_else(|| Refused("one of the supported identifiers must be specified".to_owned()))?;
        identifier(kind, text)
    }
}

fn identifier(kind: &str, text: &str) -> Result<Wanted, Refused> {
    let number = KINDS.iter().position(|one| *one == kind).and_then(|at| i16::try_from(at).ok());
    let kind = number.ok_or_else(|| Refused("Value of 'identifier-type' was not recognized.".to_owned()))?;
    let octets = match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(text) => text.as_bytes().to_vec(),
        None => {
            let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
            let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            digits.chunks(2).filter_map(octet).collect()
        }
    };
    Ok(Wanted::Identifier { kind, octets })
}

/// The hosts of one server.
pub(crate) struct HostsTables {
    target: Config,
    family: u8,
    connection: Option<Client>,
}

impl HostsTables {
    pub(crate) fn of(database: &Postgres, family: u8) -> Self {
        Self { target: database.target(), family, connection: None }
    }

    async fn connected(&mut self) -> Result<&mut Client, Refused> {
        if self.connection.as_ref().is_none_or(Client::is_closed) {
            let (client, connection) = self.target.connect(NoTls).await?;
            // It ends with its client.
            tokio::spawn(async move { drop(connection.await) });
            self.connection = Some(client);
        }
        self.connection.as_mut().ok_or_else(duplicate)
    }

    /// Hosts of a subnet with their numbers.
    pub(crate) async fn select(&mut self, subnet: i64, wanted: &Wanted) -> Result<Vec<(i64, Value)>, Refused> {
        let family = self.family;
        let transaction = self.connected().await?.transaction().await?;
        let (condition, values) = condition(family, subnet, wanted);
        let query = format!(
            "SELECT host_id::bigint, dhcp_identifier, dhcp_identifier_type, ipv4_address::bigint, hostname::text, user_context::text,
                    dhcp4_next_server::bigint, dhcp4_server_hostname::text, dhcp4_boot_file_name::text, dhcp{family}_client_classes::text
             FROM hosts h WHERE {condition}"
        );
        let rows = transaction.query(&query, &borrowed(&values)).await?;
        let mut hosts = Vec::new();
        for row in rows {
            let id: i64 = row.get(0);
            let mut host = host(family, subnet, &row)?;
            host["option-data"] = options(&transaction, family, id).await?;
            if family == 6 {
                (host["ip-addresses"], host["prefixes"]) = v6(&transaction, id).await?;
            }
            hosts.push((id, host));
        }
        Ok(hosts)
    }

    pub(crate) async fn add(&mut self, host: &Value) -> Result<(), Refused> {
        let family = self.family;
        let transaction = self.connected().await?.transaction().await?;
        insert(&transaction, family, host).await?;
        Ok(transaction.commit().await?)
    }

    /// The host of the same client is replaced in one transaction.
    pub(crate) async fn update(&mut self, host: &Value) -> Result<(), Refused> {
        let family = self.family;
        let (condition, values) =
            condition(family, host["subnet-id"].as_i64().unwrap_or_default(), &Wanted::client_of(host)?);
        let transaction = self.connected().await?.transaction().await?;
        let before = transaction.execute(&format!("DELETE FROM hosts h WHERE {condition}"), &borrowed(&values)).await?;
        if before == 0 {
            return Err(Refused("Host not updated (not found).".to_owned()));
        }
        insert(&transaction, family, host).await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn delete(&mut self, subnet: i64, wanted: &Wanted) -> Result<u64, Refused> {
        let (condition, values) = condition(self.family, subnet, wanted);
        let delete = format!("DELETE FROM hosts h WHERE {condition}");
        Ok(self.connected().await?.execute(&delete, &borrowed(&values)).await?)
    }
}

type Values = Vec<Box<dyn ToSql + Sync + Send>>;

fn borrowed(values: &Values) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

fn condition(family: u8, subnet: i64, wanted: &Wanted) -> (String, Values) {
    let here = format!("h.dhcp{family}_subnet_id = $1");
    match wanted {
        Wanted::Identifier { kind, octets } => (
            format!("{here} AND h.dhcp_identifier_type = $2 AND h.dhcp_identifier = $3"),
            vec![Box::new(subnet), Box::new(*kind), Box::new(octets.clone())],
        ),
        Wanted::Address(IpAddr::V4(address)) => {
            (format!("{here} AND h.ipv4_address = $2"), vec![Box::new(subnet), Box::new(i64::from(address.to_bits()))])
        }
        Wanted::Address(IpAddr::V6(address)) => (
            format!("{here} AND host_id IN (SELECT host_id FROM ipv6_reservations WHERE type = 0 AND address = $2)"),
            vec![Box::new(subnet), Box::new(address.to_string())],
        ),
        Wanted::After { id, limit } => (
            format!("{here} AND h.host_id > $2::bigint ORDER BY h.host_id LIMIT $3"),
            vec![Box::new(subnet), Box::new(*id), Box::new(*limit)],
        ),
    }
}

/// A host as Kea tells it, without what other tables say.
fn host(family: u8, subnet: i64, row: &Row) -> Result<Value, Refused> {
    let mut host = Map::new();
    if let Some(context) = row.get::<_, Option<String>>(5).filter(|text| !text.is_empty()) {
        let context = serde_json::from_str(&context).map_err(|error| Refused(error.to_string()))?;
        host.insert("user-context".to_owned(), context);
    }
    let (octets, kind): (Vec<u8>, i16) = (row.get(1), row.get(2));
    let kind = usize::try_from(kind).ok().and_then(|at| KINDS.get(at)).ok_or_else(duplicate)?;
    let separator = if matches!(*kind, "hw-address" | "duid") { ":" } else { "" };
    let hex: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    host.insert((*kind).to_owned(), json!(hex.join(separator)));
    let text = |at: usize| json!(row.get::<_, Option<String>>(at).unwrap_or_default());
    let address = |at: usize| {
        let bits = row.get::<_, Option<i64>>(at).and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0);
        Ipv4Addr::from_bits(bits)
    };
    host.insert("hostname".to_owned(), text(4));
    if family == 4 {
        if !address(3).is_unspecified() {
            host.insert("ip-address".to_owned(), json!(address(3)));
        }
        host.insert("next-server".to_owned(), json!(address(6)));
        host.insert("server-hostname".to_owned(), text(7));
        host.insert("boot-file-name".to_owned(), text(8));
    }
    let classes = row.get::<_, Option<String>>(9).unwrap_or_default();
    let classes: Vec<&str> = classes.split(',').map(str::trim).filter(|class| !class.is_empty()).collect();
    host.insert("client-classes".to_owned(), json!(classes));
    host.insert("subnet-id".to_owned(), json!(subnet));
    Ok(Value::Object(host))
}

async fn options(transaction: &Transaction<'_>, family: u8, id: i64) -> Result<Value, Refused> {
    let query = format!(
        "SELECT code::bigint, formatted_value, space::text, persistent FROM dhcp{family}_options WHERE host_id::bigint = $1 ORDER BY option_id"
    );
    let told = |row: &Row| {
        json!({
            "code": row.get::<_, i64>(0), "csv-format": true, "data": row.get::<_, Option<String>>(1),
            "space": row.get::<_, Option<String>>(2), "always-send": row.get::<_, bool>(3),
        })
    };
    Ok(transaction.query(&query, &[&id]).await?.iter().map(told).collect())
}

/// The addresses and the prefixes of a host.
async fn v6(transaction: &Transaction<'_>, id: i64) -> Result<(Value, Value), Refused> {
    let query = "SELECT address::text, prefix_len::bigint, type::bigint FROM ipv6_reservations WHERE host_id::bigint = $1 ORDER BY reservation_id";
    let (mut addresses, mut prefixes) = (Vec::new(), Vec::new());
    for row in transaction.query(query, &[&id]).await? {
        let address: String = row.get(0);
        match row.get::<_, i64>(2) {
            0 => addresses.push(address),
            _ => prefixes.push(format!("{address}/{}", row.get::<_, i64>(1))),
        }
    }
    Ok((json!(addresses), json!(prefixes)))
}

/// Writes a host as Kea does: an address that is there already is refused (`ip-reservations-unique`, its default).
async fn insert(transaction: &Transaction<'_>, family: u8, host: &Value) -> Result<(), Refused> {
    let Wanted::Identifier { kind, octets } = Wanted::client_of(host)? else { return Err(duplicate()) };
    let text = |key: &str| host[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let v4 = |key: &str| {
        let address = host[key].as_str().and_then(|text| text.parse::<Ipv4Addr>().ok());
        address.filter(|address| !address.is_unspecified()).map(|address| i64::from(address.to_bits()))
    };
    let texts = |key: &str| {
        let list = host[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        list.map(str::to_owned).collect::<Vec<_>>()
    };
    let classes = texts("client-classes").join(",");
    let context = host.get("user-context").map(Value::to_string);
    let query = format!(
        "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp{family}_subnet_id, ipv4_address, hostname, user_context,
                            dhcp4_next_server, dhcp4_server_hostname, dhcp4_boot_file_name, dhcp{family}_client_classes)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10::text, '')
         WHERE NOT EXISTS (SELECT 1 FROM hosts WHERE ipv4_address = $4 AND dhcp{family}_subnet_id = $3) RETURNING host_id::bigint"
    );
    let subnet = host["subnet-id"].as_i64();
    let (address, next) = (v4("ip-address"), v4("next-server"));
    let (name, server, boot) = (text("hostname"), text("server-hostname"), text("boot-file-name"));
    let row = transaction
        .query_opt(&query, &[&octets, &kind, &subnet, &address, &name, &context, &next, &server, &boot, &classes])
        .await?;
    let id: i64 = row.ok_or_else(duplicate)?.get(0);
    let addresses = texts("ip-addresses").into_iter().map(|address| (address, 128_i64, 0_i64));
    let prefixes = texts("prefixes").into_iter().filter_map(|prefix| {
        let (address, length) = prefix.split_once('/')?;
        Some((address.to_owned(), length.parse().ok()?, 2_i64))
    });
    for (address, length, of) in addresses.chain(prefixes) {
        let query = "INSERT INTO ipv6_reservations (address, prefix_len, type, host_id)
             SELECT $1::text, $2::bigint, $3::bigint, $4::bigint
             WHERE NOT EXISTS (SELECT 1 FROM ipv6_reservations WHERE address = $1 AND prefix_len = $2)";
        if transaction.execute(query, &[&address, &length, &of, &id]).await? == 0 {
            return Err(duplicate());
        }
    }
    for option in host["option-data"].as_array().into_iter().flatten() {
        let code = option["code"].as_i64().ok_or_else(|| Refused("the stand-in takes options by code".to_owned()))?;
        let space = option["space"].as_str().map_or_else(|| format!("dhcp{family}"), str::to_owned);
        let (data, always) = (option["data"].as_str(), option["always-send"].as_bool().unwrap_or(false));
        let query = format!(
            "INSERT INTO dhcp{family}_options (code, formatted_value, space, persistent, host_id, scope_id)
             VALUES ($1::bigint, $2, $3, $4, $5::bigint, 3)"
        );
        transaction.execute(&query, &[&code, &data, &space, &always, &id]).await?;
    }
    Ok(())
}
