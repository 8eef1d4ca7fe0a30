//! What is written into Kea's tables, in columns: every statement takes all of its rows at once, whether it is one or ten thousand.

use std::net::IpAddr;

use tokio_postgres::{Error, Transaction};

use super::book::Book;
use super::entry::{Client, Entry, Family, Fate, Standing};
use super::mark;

/// All that changes.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    removed: [Vec<i64>; 2],
    changed: [Columns; 2],
    new: [Columns; 2],
}

/// Rows of one server; each has a place in all of them.
#[derive(Debug, Default)]
struct Columns {
    ids: Vec<i64>,
    identifiers: Vec<Vec<u8>>,
    /// Table `host_identifier_type`: 0 is a hardware address, 1 a DUID.
    kinds: Vec<i16>,
    subnets: Vec<i64>,
    v4: Vec<Option<i64>>,
    names: Vec<Option<String>>,
    marks: Vec<Option<String>>,
    contexts: Vec<Option<String>>,
    classes: Vec<Option<String>>,
    /// The row and the IPv6 address.
    v6: Vec<(usize, String)>,
}

impl Columns {
    fn add(&mut self, id: i64, entry: &Entry) {
        let row = self.ids.len();
        self.ids.push(id);
        let interface = entry.noted_interface();
        let (identifier, kind) = match (&entry.client, entry.identifying_duid()) {
            (_, Some(duid)) => (duid.octets().to_vec(), 1),
            (Client::Mac(mac), None) => (mac.0.to_vec(), 0),
            (Client::Other(_), None) => (Vec::new(), 0),
        };
        self.identifiers.push(identifier);
        self.kinds.push(kind);
        self.subnets.push(i64::from(entry.subnet.0));
        self.v4.push(entry.addresses.iter().find_map(|address| match address {
            IpAddr::V4(v4) => Some(i64::from(v4.to_bits())),
            IpAddr::V6(_) => None,
        }));
        self.names.push(entry.host_name.clone());
        self.marks.push(mark::said(entry.owner.as_ref(), interface).map(|said| said.to_string()));
        self.contexts.push(mark::marked(None, entry.owner.as_ref(), interface).map(|context| context.to_string()));
        self.classes.push((!entry.classes.is_empty()).then(|| entry.classes.join(",")));
        let v6 = entry.addresses.iter().filter(|address| address.is_ipv6());
        self.v6.extend(v6.map(|address| (row, address.to_string())));
    }
}

impl Sheet {
    pub(super) fn of(book: &Book) -> Self {
        let mut sheet = Self::default();
        for entry in book.changes() {
            let family = match entry.family {
                Family::V4 => 0,
                Family::V6 => 1,
            };
            match (entry.standing, entry.fate) {
                (Standing::Stored(id), Fate::Removed) => sheet.removed[family].push(id),
                (Standing::Stored(id), _) => sheet.changed[family].add(id, entry),
                (Standing::New, _) => sheet.new[family].add(0, entry),
                (Standing::Fixed, _) => {}
            }
        }
        sheet
    }

    /// Writes it. What is given up goes first: Kea's tables allow no address twice, not even for the length of a statement.
    pub(super) async fn write(mut self, transaction: &Transaction<'_>) -> Result<(), Error> {
        self.remove(transaction).await?;
        let [v4, v6] = &self.changed;
        transaction
            .execute("UPDATE hosts SET ipv4_address = NULL WHERE host_id = ANY($1::bigint[])", &[&v4.ids])
            .await?;
        for (columns, own) in
            [(v4, "ipv4_address = c.v4, dhcp4_client_classes = c.classes"), (v6, "dhcp6_client_classes = c.classes")]
        {
            // Whatever else the user context says stays.
            let update = format!(
                "UPDATE hosts SET hostname = c.name, {own}, user_context = nullif(
                    CASE WHEN c.mark IS NULL THEN base - 'dip'
                    ELSE base || jsonb_build_object('dip', c.mark::jsonb) END, '{{}}'::jsonb)::text
                 FROM (SELECT host_id AS of, coalesce(nullif(user_context, ''), '{{}}')::jsonb AS base FROM hosts) h
                 JOIN unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[])
                     AS c(id, v4, name, mark, classes) ON h.of = c.id
                 WHERE host_id = c.id"
            );
            if !columns.ids.is_empty() {
                let Columns { ids, v4, names, marks, classes, .. } = columns;
                transaction.execute(&update, &[ids, v4, names, marks, classes]).await?;
            }
        }
        let cleared = "DELETE FROM ipv6_reservations WHERE type = 0 AND host_id = ANY($1::bigint[])";
        transaction.execute(cleared, &[&v6.ids]).await?;
        for (columns, server) in self.new.iter_mut().zip(["dhcp4", "dhcp6"]) {
            insert(transaction, columns, server).await?;
        }
        for columns in [&self.changed[1], &self.new[1]] {
            insert_v6(transaction, columns).await?;
        }
        Ok(())
    }

    /// A row that both servers read is taken from the one that gives it up, and is gone when the other one does too.
    async fn remove(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let [v4, v6] = &self.removed;
        if v4.is_empty() && v6.is_empty() {
            return Ok(());
        }
        let only = "DELETE FROM hosts WHERE host_id = ANY($1::bigint[]) AND (coalesce(dhcp6_subnet_id, 0) = 0 OR host_id = ANY($2::bigint[]))";
        transaction.execute(only, &[v4, v6]).await?;
        let only = "DELETE FROM hosts WHERE host_id = ANY($1::bigint[]) AND coalesce(dhcp4_subnet_id, 0) = 0";
        transaction.execute(only, &[v6]).await?;
        let left = "UPDATE hosts SET dhcp4_subnet_id = NULL, ipv4_address = NULL WHERE host_id = ANY($1::bigint[])";
        transaction.execute(left, &[v4]).await?;
        let left = "UPDATE hosts SET dhcp6_subnet_id = NULL WHERE host_id = ANY($1::bigint[])";
        transaction.execute(left, &[v6]).await?;
        let left = "DELETE FROM ipv6_reservations WHERE type = 0 AND host_id = ANY($1::bigint[])";
        transaction.execute(left, &[v6]).await.map(drop)
    }
}

async fn insert(transaction: &Transaction<'_>, columns: &mut Columns, server: &str) -> Result<(), Error> {
    if columns.identifiers.is_empty() {
        return Ok(());
    }
    let wanted = i64::try_from(columns.identifiers.len()).expect("fewer rows than 2^63");
    let numbers = "SELECT nextval(pg_get_serial_sequence('hosts', 'host_id')) FROM generate_series(1, $1::bigint)";
    let numbers = transaction.query(numbers, &[&wanted]).await?;
    columns.ids = numbers.iter().map(|row| row.get(0)).collect();
    let rows = format!(
        "INSERT INTO hosts (host_id, dhcp_identifier, dhcp_identifier_type, {server}_subnet_id, ipv4_address, hostname, user_context,
             {server}_client_classes)
         SELECT id, identifier, kind, subnet, v4, name, context, classes FROM
         unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::smallint[], $8::text[])
             AS n(id, identifier, subnet, v4, name, context, kind, classes)"
    );
    let Columns { ids, identifiers, kinds, subnets, v4, names, contexts, classes, .. } = columns;
    transaction.execute(&rows, &[ids, identifiers, subnets, v4, names, contexts, kinds, classes]).await.map(drop)
}

async fn insert_v6(transaction: &Transaction<'_>, columns: &Columns) -> Result<(), Error> {
    if columns.v6.is_empty() {
        return Ok(());
    }
    // It is text before Kea 2.4, and `inet` since.
    let kind = "SELECT data_type::text FROM information_schema.columns \
                WHERE table_name = 'ipv6_reservations' AND column_name = 'address' AND table_schema = ANY(current_schemas(false))";
    let kind: String = transaction.query_one(kind, &[]).await?.get(0);
    let cast = if kind == "inet" { "inet" } else { "text" };
    let (ids, addresses): (Vec<i64>, Vec<&str>) =
        columns.v6.iter().map(|(row, address)| (columns.ids[*row], address.as_str())).unzip();
    let rows = format!(
        "INSERT INTO ipv6_reservations (address, prefix_len, type, host_id)
         SELECT address::{cast}, 128, 0, id FROM unnest($1::bigint[], $2::text[]) AS n(id, address)"
    );
    transaction.execute(&rows, &[&ids, &addresses]).await.map(drop)
}
