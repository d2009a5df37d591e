#!/usr/bin/perl
# Writes location databases in MaxMind's format for tests, by MaxMind's own writer.
# usage: geo_databases.pl FOLDER
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my %types = (
    continent => 'map', code => 'utf8_string', country => 'map', iso_code => 'utf8_string',
    names => 'map', en => 'utf8_string', fr => 'utf8_string', city => 'map',
    subdivisions => [ 'array', 'map' ], location => 'map', latitude => 'double',
    longitude => 'double', accuracy_radius => 'uint16', time_zone => 'utf8_string',
    country_code => 'utf8_string', state1 => 'utf8_string', region_code => 'utf8_string',
    lat => 'float', lng => 'float', autonomous_system_number => 'uint32',
    autonomous_system_organization => 'utf8_string', is_anycast => 'boolean',
    continent_code => 'utf8_string', geoname_id => 'uint32', text_latitude => 'utf8_string',
);

sub place {
    my ( $continent, $country, $subdivision, $latitude, $longitude ) = @_;
    my %record = (
        city => { names => { en => 'Somewhere', fr => 'Quelque part' }, geoname_id => 42 },
        continent => { code => $continent, names => { en => 'A continent' } },
        country => { iso_code => $country, names => { en => 'A country' }, geoname_id => 7 },
    );
    $record{subdivisions} = [ { iso_code => $subdivision, names => { en => 'A part' } },
        { iso_code => 'ZZ' } ] if defined $subdivision;
    $record{location} = { latitude => $latitude, longitude => $longitude,
        accuracy_radius => 20, time_zone => 'UTC' } if defined $latitude;
    return \%record;
}

sub database {
    my ( $file, $options, @rows ) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version => 6, record_size => 28, database_type => 'Test-City',
        languages => ['en'], description => { en => 'for tests' },
        map_key_type_callback => sub { return $types{ $_[0] } },
        remove_reserved_networks => 0, %$options,
    );
    $tree->insert_network(@$_) for @rows;
    open my $out, '>:raw', $file or die "$file: $!";
    $tree->write_tree($out);
    close $out or die "$file: $!";
}

my $folder = shift or die "which folder?\n";
my $paris = place( 'EU', 'FR', 'IDF', 48.8566, 2.3522 );
database( "$folder/nested.mmdb", { alias_ipv6_to_ipv4 => 1 },
    [ '192.0.2.0/25', $paris ], [ '192.0.2.128/25', $paris ],
    [ '198.51.100.0/24', place( 'NA', 'US', 'WA', 47.6062, -122.3321 ) ],
    [ '203.0.113.0/26', place( 'AS', 'TR', undef, 41.0082, 28.9784 ) ],
    [ '203.0.113.77/32', place( 'AF', 'KE' ) ],
    [ '2001:db8::/32', $paris ],
    [ '2001:db8:0:7::/65', place( 'OC', 'NZ', 'AUK', -36.8485, 174.7633 ) ],
    [ 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128', place( 'SA', 'BR' ) ],
);
database( "$folder/flat.mmdb", { ip_version => 4, record_size => 24, database_type => 'country' },
    [ '0.0.0.0/1', { country_code => 'DE' } ],
    [ '192.0.2.0/24', { country_code => 'US', state1 => 'New York', lat => 40.5, lng => -74.25 } ],
    [ '192.0.3.0/24', { country_code => 'US', region_code => 'US-CA' } ],
    [ '192.0.4.0/24', { country_code => 'FR', state1 => 'Ain' } ],
    [ '192.0.5.0/24', { country_code => 'ZZ', continent_code => 'OC' } ],
    [ '192.0.6.0/24', { country_code => '' } ],
    [ '255.255.255.255/32', { country_code => 'JP' } ],
);
database( "$folder/text.mmdb", { record_size => 32, database_type => 'ipinfo',
        map_key_type_callback => sub {
            return $types{ $_[0] } if $_[0] eq 'is_anycast';
            return 'utf8_string';
        } },
    [ '10.0.0.0/8', { country => 'US', region => 'Texas', continent => 'NA', latitude => '31.25',
            longitude => '-99.5', is_anycast => 0 } ],
    [ '2001:db8::/48', { country => 'CA', latitude => 'north', longitude => '1' } ],
);
database( "$folder/asn.mmdb", { database_type => 'Test-ASN' },
    [ '10.0.0.0/8', { autonomous_system_number => 64500,
            autonomous_system_organization => 'Nobody' } ],
);
